"""Copy ops: as they are, or into a loop or a part of an axis that they run along, over a smaller tile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_compiler.program.fields import replaced, results
from helion_compiler.program.types import Axis, Size, TileSlice, TileType, Value, WholeSlice

if TYPE_CHECKING:
    from helion_compiler.program.ops import Op


class Copier:
    """Copies ops, each with new results, which stand for the old ones in what is copied after it."""

    def __init__(self) -> None:
        self._values: dict[Value, Value] = {}

    def value(self, value: Value) -> Value:
        """The copy of a value, or the value itself where it was not copied."""
        return self._values.get(value, value)

    def copy(self, value: Value, name: str) -> Value:
        """A value to stand for another in what is copied from now on; the caller defines it."""
        self._values[value] = Value(name, self.type(value.type))
        return self._values[value]

    def put(self, value: Value, other: Value) -> None:
        """Let ``other`` stand for a value in what is copied from now on."""
        self._values[value] = other

    def type(self, type_: TileType) -> TileType:
        """The type of a copy of a value of this type."""
        return type_

    def op(self, op: Op) -> Op:
        """A copy of an op, with copies of its operands and a new result."""
        defined, changes = results(op), self._changes(op)
        if defined:
            copies = tuple(Value(value.name, self.type(value.type)) for value in defined)
            self._values |= dict(zip(defined, copies, strict=True))
            changes |= {"results": copies} if hasattr(op, "results") else {"result": copies[0]}
        return attrs.evolve(op, **changes)

    def reading(self, op: Op) -> Op:
        """An op with copies of its operands, and its own results."""
        return attrs.evolve(op, **self._changes(op))

    def _changes(self, op: Op) -> dict[str, Any]:
        return {
            field.name: replaced(getattr(op, field.name), self._part)
            for field in attrs.fields(type(op))
            if field.name not in ("result", "results", "location")
        }

    def _part(self, part: Any) -> Any:
        """What stands for a part of an op in the copy; the part itself where nothing changes."""
        return self.value(part) if isinstance(part, Value) else part


class Retiler(Copier):
    """Copies ops along the axis ``whole``, which is a whole dimension's or a larger tile's, to work along ``axis``."""

    def __init__(self, whole: Axis, axis: Axis) -> None:
        super().__init__()
        self._whole = whole
        self.axis = axis

    def type(self, type_: TileType) -> TileType:
        """A type with the smaller tile in place of the larger."""
        return TileType(type_.dtype, tuple(map(self._size, type_.shape)))

    def _size(self, size: Size) -> Size:
        return self.axis.size if size == self._whole.size else size

    def _part(self, part: Any) -> Any:
        match part:
            case Axis() if part == self._whole:
                return self.axis
            case WholeSlice() if part.axis == self._whole:
                return TileSlice(self.axis)
            case _:
                return super()._part(part)
