"""Copy ops that run along a whole axis into a loop over that axis: the same ops, over a tile."""

from __future__ import annotations

from typing import Any

import attrs

from helion_compiler.program.ops import Full, Load, Mask, Op, Pointwise, Range, Store, results
from helion_compiler.program.types import (
    Axis,
    Size,
    Subscript,
    TileSlice,
    TileType,
    Value,
    WholeSlice,
)


class Retiler:
    """Copies ops along the whole axis into a loop over ``axis``."""

    def __init__(self, whole: Axis, axis: Axis) -> None:
        self._whole = whole
        self.axis = axis
        self._values: dict[Value, Value] = {}

    def value(self, value: Value) -> Value:
        """The copy of a value, or the value itself where it was not copied."""
        return self._values.get(value, value)

    def type(self, type_: TileType) -> TileType:
        """A type with the loop's tile in place of the whole axis."""
        return TileType(type_.dtype, tuple(map(self._size, type_.shape)))

    def op(self, op: Op) -> Op:
        """A copy of an op, with copies of its operands and a new result."""
        changes: dict[str, Any] = {}
        for field, change in self._changes(op).items():
            changes[field] = change
        if not isinstance(op, Store):
            (result,) = results(op)
            changes["result"] = self._values[result] = Value(result.name, self.type(result.type))
        return attrs.evolve(op, **changes)

    def _size(self, size: Size) -> Size:
        return self.axis.size if size == self._whole.size else size

    def _changes(self, op: Op) -> dict[str, Any]:
        match op:
            case Load():
                return {"subscripts": tuple(map(self._subscript, op.subscripts))}
            case Store():
                return {
                    "subscripts": tuple(map(self._subscript, op.subscripts)),
                    "value": self.value(op.value),
                }
            case Full() | Range():
                return {}
            case Pointwise():
                return {
                    "args": tuple(map(self._argument, op.args)),
                    "kwargs": {name: self._argument(a) for name, a in op.kwargs.items()},
                }
            case Mask():
                axis = self.axis if op.axis == self._whole else op.axis
                return {"operand": self.value(op.operand), "axis": axis}
            case _:
                return {"operand": self.value(op.operand)}  # type: ignore[union-attr]  # no dot or loop gets here

    def _subscript(self, subscript: Subscript) -> Subscript:
        if isinstance(subscript, WholeSlice) and subscript.axis == self._whole:
            return TileSlice(self.axis)
        return subscript

    def _argument(self, argument: Any) -> Any:
        if isinstance(argument, Value):
            return self.value(argument)
        return tuple(map(self._argument, argument)) if isinstance(argument, tuple) else argument
