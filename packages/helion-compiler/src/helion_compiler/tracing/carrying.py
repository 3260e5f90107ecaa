"""Which names a device loop carries from one turn to the next, and as what.

Tiles are carried as they are. A number that the body changes becomes a scalar, or a tile if that is what it is
after a turn: then the body is traced again with that type, until the types before and after agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.types import TileType, Value
from helion_compiler.staging import UNBOUND
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.location import here
from helion_compiler.tracing.tiles import DeviceOnly, TracedTile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.tracing.state import Trace

NUMBERS = (bool, int, float, torch.SymInt, torch.SymFloat)
_INT32 = 1 << 31


class Carrying:
    """The carried names of one loop; ``values`` are what ``names`` hold before it."""

    def __init__(self, trace: Trace, names: Sequence[str], values: Sequence[Any]) -> None:
        self._trace = trace
        self._names = names
        self._values = values
        self._types: dict[int, TileType] = {
            i: type_of(trace, value) for i, value in enumerate(values) if is_tile(trace, value)
        }
        self.parameters: tuple[Value, ...] = ()

    def enter(self) -> list[Any]:
        """What the names hold at the start of a turn; called inside the body's block."""
        entering = list(self._values)
        for i, type_ in self._types.items():
            entering[i] = self._trace.fake(type_.shape, type_.dtype)
            self._trace.new_value(entering[i], self._names[i])
        self.parameters = tuple(self._trace.value_of(entering[i]) for i in self._types)
        return entering

    def enter_again(self) -> list[Any]:
        """What the names hold in another block of the same op: the same parameters."""
        entering = list(self._values)
        for (i, type_), parameter in zip(self._types.items(), self.parameters, strict=True):
            entering[i] = self._trace.fake(type_.shape, type_.dtype)
            self._trace.add_value(entering[i], parameter)
        return entering

    def settle(self, leaving: Sequence[Any]) -> bool:
        """Whether what the names hold after a turn fits; if not, the types are others from now on."""
        settled = True
        for i, (before, after) in enumerate(zip(self._values, leaving, strict=True)):
            type_ = self._types.get(i, None)
            wanted = self._type_after(self._names[i], type_, before, after)
            if wanted != type_:
                assert wanted is not None
                self._types[i] = wanted
                settled = False
        return settled

    def _type_after(
        self, name: str, type_: TileType | None, before: Any, after: Any
    ) -> TileType | None:
        """The type that a name has to be carried as; None where it need not be."""
        if type_ is None:
            return self._type_of_changed(name, before, after)
        if isinstance(after, NUMBERS) and (type_.shape == () or isinstance(before, NUMBERS)):
            return merged(type_, type_of(self._trace, after))
        if not is_tile(self._trace, after):
            raise exc.CantCombineTypesInControlFlow(
                span=here(), name=name, before="a tile", after=kind_of(after)
            )
        found = type_of(self._trace, after)
        if found.dtype == type_.dtype and self._trace.symbols.agree(found.shape, type_.shape):
            return type_
        if isinstance(before, NUMBERS):
            return merged(type_, found)
        raise mismatch(self._trace, name, type_, found)

    def _type_of_changed(self, name: str, before: Any, after: Any) -> TileType | None:
        if is_same(before, after) or before is UNBOUND or after is UNBOUND:
            return None
        if isinstance(before, DeviceOnly | TracedTile):
            return None
        if isinstance(before, NUMBERS) and (
            isinstance(after, NUMBERS) or is_tile(self._trace, after)
        ):
            return merged(type_of(self._trace, before), type_of(self._trace, after))
        raise exc.CantCombineTypesInControlFlow(
            span=here(), name=name, before=kind_of(before), after=kind_of(after)
        )

    def yields(self, leaving: Sequence[Any]) -> tuple[Value, ...]:
        """The carried values at the end of a turn; called inside the body's block."""
        return tuple(as_value(self._trace, leaving[i], type_) for i, type_ in self._types.items())

    def initial(self) -> tuple[Value, ...]:
        """The carried values before the loop; called outside of the body's block."""
        return tuple(
            as_value(self._trace, self._values[i], type_) for i, type_ in self._types.items()
        )

    def leave(self, leaving: Sequence[Any]) -> tuple[list[Any], tuple[Value, ...]]:
        """What the names hold after the loop, and the values that the loop defines."""
        after: list[Any] = [
            old if is_same(old, new) else UNBOUND
            for old, new in zip(self._values, leaving, strict=True)
        ]
        results = []
        for i, type_ in self._types.items():
            after[i] = self._trace.fake(type_.shape, type_.dtype)
            results.append(self._trace.new_value(after[i], self._names[i]))
        return after, tuple(results)


def is_tile(trace: Trace, value: object) -> bool:
    """Whether a value lives on the device."""
    return isinstance(value, torch.Tensor) and trace.is_value(value)


def kind_of(value: object) -> str:
    """What a name holds, for messages."""
    return "a tile" if isinstance(value, torch.Tensor) else f"a {type(value).__name__}"


def is_same(first: Any, second: Any) -> bool:
    """Whether nothing changed: one object, or equal numbers of one type."""
    if first is second:
        return True
    if isinstance(first, torch.SymInt) or isinstance(second, torch.SymInt):
        both = isinstance(first, torch.SymInt) and isinstance(second, torch.SymInt)
        return both and first.node.expr == second.node.expr
    return type(first) is type(second) and isinstance(first, bool | int | float) and first == second


def type_of(trace: Trace, value: Any) -> TileType:
    """The type of a tile, or of the scalar that a number becomes."""
    if isinstance(value, torch.Tensor):
        return TileType(value.dtype, trace.sizes_of(value))
    if isinstance(value, bool):
        return TileType(torch.bool, ())
    if isinstance(value, float | torch.SymFloat):
        return TileType(torch.float32, ())
    wide = isinstance(value, int) and not -_INT32 <= value < _INT32
    return TileType(torch.int64 if wide else torch.int32, ())


def merged(first: TileType, second: TileType) -> TileType:
    """The type of a name that starts as a number and becomes a tile: the more general of the two."""
    dtype = torch.promote_types(first.dtype, second.dtype)
    kinds = {first.dtype.is_floating_point, second.dtype.is_floating_point}
    if kinds == {True, False} or first.shape == second.shape == ():
        floating = first.dtype if first.dtype.is_floating_point else second.dtype
        dtype = floating if kinds == {True, False} else dtype
    elif first.shape == ():
        dtype = second.dtype
    return TileType(dtype, second.shape if first.shape == () else first.shape)


def mismatch(trace: Trace, name: str, before: TileType, after: TileType) -> exc.HelionError:
    """The error for a name whose dtype or shape changes."""
    describe = trace.body.describe
    return exc.ControlFlowTensorMismatch(
        span=here(),
        name=name,
        before=f"{before.dtype} {describe(before.shape)}",
        after=f"{after.dtype} {describe(after.shape)}",
    )


def as_value(trace: Trace, value: Any, type_: TileType) -> Value:
    """The value of a tile, or a new one that holds a number, of the type asked for."""
    if not isinstance(value, torch.Tensor):
        value = fill_tile(trace, type_.shape, value, type_.dtype)
    elif type_of(trace, value) != type_:
        with trace.listening():
            value = value.to(type_.dtype)
            value = value.expand([trace.symbols.value(size) for size in type_.shape])
    return trace.value_of(value)
