"""What the fields of an op mean, for every op alike: which values it defines and reads, and its blocks.

``result``, ``results`` and ``parameters`` define; a Block is a body; whatever else holds Values reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import sympy

from helion_compiler.program.ops import Block
from helion_compiler.program.types import Axis, Buffer, Location, TileType, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from helion_compiler.program.ops import Op

PartT = TypeVar("PartT")

_DEFINING = frozenset({"result", "results", "parameters"})
_OPAQUE = (Location, Buffer, TileType, Block)


def _names(part: Any) -> tuple[str, ...]:
    return _field_names(part)


@lru_cache(maxsize=256)
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(kind))


def results(op: Op) -> tuple[Value, ...]:
    """The values that an op defines for the ops after it."""
    result = getattr(op, "result", None)
    return getattr(op, "results", ()) if result is None else (result,)


def made_by(ops: Iterable[Op]) -> dict[Value, Op]:
    """By each value that some ops define, the op."""
    return {value: op for op in ops for value in results(op)}


def parameters(op: Op) -> tuple[Value, ...]:
    """The values that an op defines for its own blocks."""
    found: tuple[Value, ...] = getattr(op, "parameters", ())
    return found


def blocks(op: Op) -> tuple[Block, ...]:
    """The blocks inside an op."""
    parts = (getattr(op, name) for name in _names(op))
    return tuple(part for part in parts if isinstance(part, Block))


def operands(op: Op) -> tuple[Value, ...]:
    """The values that an op reads, its blocks aside."""
    return tuple(leaf for leaf in _leaves(op) if isinstance(leaf, Value))


def symbols(op: Op) -> frozenset[sympy.Symbol]:
    """The symbols that an op's sizes, positions and bounds mention, its blocks and values' types aside."""
    found: set[Any] = set()
    for leaf in _leaves(op):
        if isinstance(leaf, sympy.Basic):
            found |= leaf.free_symbols
    return frozenset(found)


def with_blocks(op: Op, change: Callable[[Block], Block]) -> Op:
    """The op with every block of it changed; the op itself if it has none."""
    inside: dict[str, Any] = {
        name: change(part) for name in _names(op) if isinstance(part := getattr(op, name), Block)
    }
    return with_fields(op, **inside)


def with_fields(part: PartT, **fields: Any) -> PartT:
    """``part`` with other values in these fields; ``part`` itself where they are those that it has.

    So that what a pass does not change is the same object afterwards, and need not be looked at again.
    """
    new = {name: value for name, value in fields.items() if getattr(part, name) != value}
    return attrs.evolve(part, **new) if new else part  # type: ignore[misc]  # a class of attrs


def replaced(part: Any, change: Callable[[Any], Any]) -> Any:
    """``part`` (a field's value) with ``change`` applied to its values, axes and sizes, innermost last.

    ``change`` returns what it is given where there is nothing to change.
    """
    changed = change(part)
    if changed is not part or part is None or isinstance(part, (Value, sympy.Basic, *_OPAQUE)):
        return changed
    if isinstance(part, tuple):
        return tuple(replaced(item, change) for item in part)
    if isinstance(part, Mapping):
        return {key: replaced(item, change) for key, item in part.items()}
    if attrs.has(type(part)) and not isinstance(part, Axis):
        inner = {name: replaced(getattr(part, name), change) for name in _names(part)}
        return attrs.evolve(part, **inner)
    return part


def _leaves(op: Op) -> Iterator[Any]:
    for name in _names(op):
        if name not in _DEFINING:
            yield from _parts(getattr(op, name))


def _parts(part: Any) -> Iterator[Any]:
    if part is None or isinstance(part, _OPAQUE):
        return
    if isinstance(part, Value | sympy.Basic):
        yield part
    elif isinstance(part, tuple):
        for item in part:
            yield from _parts(item)
    elif isinstance(part, Mapping):
        for item in part.values():
            yield from _parts(item)
    elif attrs.has(type(part)):
        if isinstance(part, Axis):
            yield from _parts((part.begin, part.end, part.step, part.ends))
        else:
            for name in _names(part):
                yield from _parts(getattr(part, name))
