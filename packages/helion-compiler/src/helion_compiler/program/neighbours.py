"""Along which dimension of an access lanes are neighbours in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.fields import made_by, operands
from helion_compiler.program.ops import Iota, Pointwise, Range
from helion_compiler.program.types import ScalarIndex, TileSlice, ValueIndex, WholeSlice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.ops import Access, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size, Subscript, Value


class Neighbours:
    """Answers for one Program; what subscripts compute from a tile's indices by additions counts as the tile."""

    def __init__(self, program: Program) -> None:
        self._defining = made_by(program.walk())

    def of(self, op: Access) -> Size:
        """The size of the dimension; 1 where lanes are strewn."""
        size, stride = self.nearest(op)
        return size if stride == 1 else 1

    def nearest(self, op: Access) -> tuple[Size, int]:
        """The size of the dimension whose lanes lie closest together, and how many elements apart; 1 and 1 where
        lanes are strewn.
        """
        found: tuple[Size, int] | None = None
        for entry, stride in zip(op.subscripts, op.buffer.strides, strict=True):
            if not isinstance(stride, int) or stride < 1 or (found and found[1] <= stride):
                continue
            size = self._size(entry)
            if size is not None:
                found = size, stride
        return found or (1, 1)

    def _size(self, entry: Subscript) -> Size | None:
        match entry:
            case TileSlice():
                return entry.axis.size
            case WholeSlice() if entry.axis is not None and entry.step == 1:
                return entry.axis.size
            case ValueIndex():
                return _summand(self._defining, entry.value)
            case ScalarIndex() | WholeSlice():
                return None


def _summand(defining: Mapping[Value, Op], value: Value) -> Size | None:
    """The size of a tile whose indices are a summand of a value."""
    op = defining.get(value)
    if isinstance(op, Range):
        return op.axis.size
    if isinstance(op, Iota):
        return op.result.type.shape[0]
    if op is None or (isinstance(op, Pointwise) and not _adds(op)):
        return None
    found = (_summand(defining, operand) for operand in operands(op))
    return next((size for size in found if size is not None), None)


def _adds(op: Pointwise) -> bool:
    """Whether neighbouring operands give neighbouring results: sums, casts, and products by one."""
    name = op.operator.overloadpacket.__name__
    if name == "mul":
        return any(isinstance(arg, int) and arg == 1 for arg in op.args)
    return name in ("add", "_to_copy", "to", "convert_element_type", "clamp", "where")
