"""The expression language of host logic: a closed list of JSON nodes over the arguments of a call.

In: nested lists such as ``["ceildiv", ["size", 0, 1], 128]``. Out: numbers. Integers are exact (Python's).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

ARGUMENT_NODES: Mapping[str, int] = {
    "size": 2,  # ["size", argument, dimension]
    "stride": 2,  # ["stride", argument, dimension], in elements
    "argument": 1,  # ["argument", position]: the value of a scalar argument
    "sm_count": 0,  # ["sm_count"]: streaming multiprocessors of the op's device
}
"""Nodes that read the call; their operands are plain integers, counted here."""

OPERATORS: Mapping[str, tuple[int | None, Callable[..., object]]] = {
    "add": (None, lambda *values: sum(values)),
    "sub": (2, lambda a, b: a - b),
    "mul": (None, lambda *values: _product(values)),
    "floordiv": (2, lambda a, b: a // b),
    "ceildiv": (2, lambda a, b: -(-a // b)),
    "mod": (2, lambda a, b: a % b),
    "neg": (1, lambda a: -a),
    "min": (None, lambda *values: min(values)),
    "max": (None, lambda *values: max(values)),
    "eq": (2, lambda a, b: a == b),
    "ne": (2, lambda a, b: a != b),
    "lt": (2, lambda a, b: a < b),
    "le": (2, lambda a, b: a <= b),
    "and": (None, lambda *values: all(values)),
    "or": (None, lambda *values: any(values)),
    "not": (1, lambda a: not a),
    "truediv": (2, lambda a, b: a / b),
    "pow": (2, lambda a, b: a**b),
}
"""Operators by name: the number of operands (None: one or more) and the function."""


def _product(values: Sequence[int]) -> int:
    result = 1
    for value in values:
        result *= value
    return result


class CallMetadata(Protocol):
    """What expressions may read of a call."""

    def size(self, argument: int, dimension: int) -> int: ...  # noqa: D102
    def stride(self, argument: int, dimension: int) -> int: ...  # noqa: D102
    def argument(self, position: int) -> int | float | bool | str | None: ...  # noqa: D102
    def sm_count(self) -> int: ...  # noqa: D102
