"""Structural checks of a variant's steps, one after another: what each may refer to are the arguments and
what the steps before it have made.

In: steps from anywhere. Out: nothing, or a :class:`SchemaError` that names the place.
"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING

from helion_runtime.entries import AllocateStep, CallStep, ReadStep, numbers_taken
from helion_runtime.errors import SchemaError
from helion_runtime.expressions import MAX_DIMENSIONS, check
from helion_runtime.host_operators import find_operator
from helion_runtime.plan import torch_dtype

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from helion_runtime.entries import HostStep

_MAX_TREE_DEPTH = 4
_MAX_CALL_ARGUMENTS = 64
_MEMORY_FORMATS = ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")
_ITEM_KINDS = ("int", "float", "bool")


class StepCheck:
    """Checks steps in order; ``buffers`` and ``items`` are what there is behind the last of them."""

    def __init__(self, n_arguments: int, tensors: Collection[int]) -> None:
        self.buffers = set(tensors)
        self.items: set[int] = set()
        self._n_arguments = n_arguments
        self._next = n_arguments

    def check(self, step: HostStep, where: str, *, after: bool) -> None:
        """Check one step, which stands before or ``after`` the launches."""
        number = self._next
        place = f"{where}: buffer {number}"
        if isinstance(step, (CallStep, ReadStep)) and step.after != after:
            raise SchemaError(f"{place}: a step before the launches stands after them")
        match step:
            case CallStep():
                self._call(step, f"{place}: {step.operator:.80}")
            case ReadStep():
                check_buffer(step.buffer, self.buffers, place)
                if step.kind not in _ITEM_KINDS:
                    raise SchemaError(
                        f"{place}: kind: expected one of {', '.join(_ITEM_KINDS)}; found {step.kind!r:.80}"
                    )
                self.items.add(number)
            case AllocateStep():
                torch_dtype(step.dtype)
                _check_fill(step.fill, f"{place}: fill")
                self._geometry(step.sizes, step.strides, place)
            case _:
                check_buffer(step.buffer, self.buffers, place)
                self._geometry(step.sizes, step.strides, place)
                self._expression(step.offset, f"{place}: offset")
        taken = numbers_taken(step)
        if not isinstance(step, ReadStep):
            self.buffers.update(range(number, number + taken))
        self._next += taken

    def _call(self, step: CallStep, where: str) -> None:
        find_operator(step.operator)
        if len(step.arguments) + len(step.keywords) > _MAX_CALL_ARGUMENTS:
            raise SchemaError(f"{where}: more than {_MAX_CALL_ARGUMENTS} arguments")
        for position, tree in enumerate(step.arguments):
            self._tree(tree, f"{where}: argument {position}")
        seen: set[str] = set()
        for pair in step.keywords:
            match pair:
                case (str() as name, tree) if (
                    name.isidentifier() and not keyword.iskeyword(name) and name not in seen
                ):
                    seen.add(name)
                    self._tree(tree, f"{where}: {name:.80}")
                case _:
                    raise SchemaError(f"{where}: expected [name, tree], found {pair!r:.120}")
        for result in step.results:
            torch_dtype(result.dtype)
            self._geometry(result.sizes, result.strides, f"{where}: a result")

    def _tree(self, tree: object, where: str, depth: int = 0) -> None:
        """An argument of an operator; not that the operator takes such a one: torch sees to that."""
        match tree:
            case ["device"]:
                return
            case ["buffer", number]:
                check_buffer(number, self.buffers, where)
            case ["value", int() as number] if not -(2**63) <= number < 2**63:
                raise SchemaError(
                    f"{where}: an integer of more than 64 bits, which torch does not take"
                )
            case ["value", expression]:
                self._expression(expression, where)
            case ["dtype", str() as name]:
                torch_dtype(name)
            case ["memory_format", str() as name] if name in _MEMORY_FORMATS:
                return
            case ["list", [*trees]] if depth < _MAX_TREE_DEPTH:
                for item in trees:
                    self._tree(item, where, depth + 1)
            case _:
                raise SchemaError(f"{where}: not an argument of an operator: {tree!r:.120}")

    def _geometry(self, sizes: Sequence[object], strides: Sequence[object], where: str) -> None:
        if len(sizes) != len(strides) or len(sizes) > MAX_DIMENSIONS:
            raise SchemaError(f"{where}: {len(sizes)} sizes and {len(strides)} strides")
        for item in (*sizes, *strides):
            self._expression(item, where)

    def _expression(self, expression: object, where: str) -> None:
        check(expression, self._n_arguments, where, self.items)


def check_buffer(number: object, buffers: Collection[int], where: str) -> None:
    """Raise :class:`SchemaError` unless ``number`` is that of a buffer there is by now."""
    if type(number) is not int or number not in buffers:
        raise SchemaError(f"{where}: there is no buffer {number} yet; there are {sorted(buffers)}")


def _check_fill(fill: object, where: str) -> None:
    number = isinstance(fill, float) or (isinstance(fill, int) and -(2**63) <= fill < 2**63)
    if fill is not None and not number:
        raise SchemaError(
            f"{where}: expected a number of at most 64 bits or null, found {fill!r:.80}"
        )
