"""Turn a grid of several axes into one over their elements in row-major order, for bodies that work element by element.

In: a Program, the number of one of its grids, and the lanes of the flat tile. Out: an equivalent Program in which every
value of that grid has one dimension or none. A lane of it stands for one position along every axis, so that reordered
and inserted dimensions mean nothing any more, and what runs along some axes alone is there once for each position along
the others. Tensors that lie in memory as the axes do are accessed by the flat index itself, others by the index along
each axis, which division tells.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs
import sympy
import torch

from helion_compiler.program.fields import replaced, results, with_blocks
from helion_compiler.program.ops import (
    Block,
    Broadcast,
    Load,
    Permute,
    Pointwise,
    Range,
    Squeeze,
    Store,
    Unsqueeze,
)
from helion_compiler.program.program import walk
from helion_compiler.program.types import (
    Axis,
    BlockSize,
    TileSlice,
    TileType,
    Value,
    ValueIndex,
)
from helion_compiler.scheduling.check_flat import check_flat, extents

if TYPE_CHECKING:
    from helion_compiler.program.ops import Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Buffer, Subscript


def flatten_grid(program: Program, number: int, lanes: int) -> Program:
    """``program`` with the axes of grid ``number`` made one, whose tiles have ``lanes``.

    Raises:
        NotFlat: they cannot become one.
    """
    grid = program.grids[number]
    check_flat(program, grid)
    flattener = _Flattener(program, number, lanes)
    body = flattener.block(grid.body)
    grids = list(program.grids)
    grids[number] = attrs.evolve(grid, axes=(flattener.axis,), body=body)
    flat = attrs.evolve(program, grids=tuple(grids), blocks=(*program.blocks, flattener.size))
    return _with_buffers(flat, flattener.views)


def _with_buffers(program: Program, views: dict[Buffer, Buffer]) -> Program:
    """The program with flat buffers in place of those that are accessed so alone."""

    def change(part: Any) -> Any:
        return views.get(part, part) if hasattr(part, "strides") else part

    def block(body: Block) -> Block:
        ops = (with_blocks(op, block) for op in body.ops)
        return attrs.evolve(
            body,
            ops=tuple(
                attrs.evolve(op, buffer=change(op.buffer)) if hasattr(op, "buffer") else op
                for op in ops
            ),
        )

    buffers = tuple(map(change, program.buffers))
    return attrs.evolve(program.with_bodies(block), buffers=buffers)


class _Flattener:
    def __init__(self, program: Program, number: int, lanes: int) -> None:
        self._program = program
        self._grid = program.grids[number]
        self._extents = extents(program, self._grid)
        name = "_".join(axis.name for axis in self._grid.axes)
        symbol = sympy.Symbol(f"flat{number}", integer=True, positive=True)
        self.size = BlockSize(
            index=len(program.blocks), name=name, symbol=symbol, size_hint=lanes, fixed=lanes
        )
        self.axis = Axis(
            name=name,
            block=self.size,
            begin=0,
            end=math.prod(self._extents),
            offset=sympy.Symbol(f"flat_begin{number}", integer=True, nonnegative=True),
        )
        self.views = self._flat_views()
        self._values: dict[Value, Value] = {}
        self._indices: dict[Axis, Value] = {}
        self._ops: list[Op] = []

    def block(self, block: Block) -> Block:
        """The body over the flat axis."""
        for op in block.ops:
            self._op(op)
        return Block(ops=tuple(self._ops))

    # Buffers.

    def _flat_views(self) -> dict[Buffer, Buffer]:
        """Buffers that nothing but whole tiles of this grid in row-major order accesses, and each as one dimension."""
        inside = set(walk(self._grid.body))
        found: dict[Buffer, Buffer] = {}
        for buffer in self._program.buffers:
            ops = [op for op in self._program.accesses() if op.buffer is buffer]
            if ops and all(
                op in inside and self._is_row_major(op.subscripts, buffer) for op in ops
            ):
                found[buffer] = attrs.evolve(
                    buffer, shape=(math.prod(self._extents),), strides=(1,)
                )
        return found

    def _is_row_major(self, subscripts: tuple[Subscript, ...], buffer: Buffer) -> bool:
        along = [entry.axis for entry in subscripts if isinstance(entry, TileSlice)]
        if len(along) < len(subscripts) or along != list(self._grid.axes):
            return False
        strides = [math.prod(self._extents[dim + 1 :]) for dim in range(len(self._extents))]
        return all(
            self._program.same(actual, expected)
            for actual, expected in zip(
                (*buffer.shape, *buffer.strides), (*self._extents, *strides), strict=True
            )
        )

    # Ops.

    def _op(self, op: Op) -> None:
        match op:
            case Permute() | Unsqueeze() | Squeeze():
                self._values[op.result] = self._values[op.operand]
            case Broadcast():
                self._broadcast(op)
            case Range():
                self._values[op.result] = self._as(self._index(op.axis), op.result, op)
            case Load() | Store():
                subscripts = self._subscripts(op)
                self._copy(attrs.evolve(op, subscripts=subscripts))
            case _:
                self._copy(op)

    def _copy(self, op: Op) -> None:
        changes = {
            field.name: replaced(getattr(op, field.name), self._value)
            for field in attrs.fields(type(op))
            if field.name not in ("result", "location", "buffer", "subscripts")
        }
        for value in results(op):
            copy = Value(value.name, self._type(value))
            self._values[value] = copy
            changes["result"] = copy
        self._ops.append(attrs.evolve(op, **changes))

    def _value(self, part: Any) -> Any:
        return self._values.get(part, part) if isinstance(part, Value) else part

    def _type(self, value: Value) -> TileType:
        flat = any(size != 1 for size in value.type.shape)
        return TileType(value.type.dtype, (self.axis.size,) if flat else ())

    def _broadcast(self, op: Broadcast) -> None:
        operand, wanted = self._values[op.operand], self._type(op.result)
        if operand.type != wanted:
            one = Value(operand.name, TileType(wanted.dtype, (1,)))
            self._ops.append(Unsqueeze(result=one, operand=operand, dim=0, location=op.location))
            operand = Value(op.result.name, wanted)
            self._ops.append(Broadcast(result=operand, operand=one, location=op.location))
        self._values[op.result] = operand

    def _subscripts(self, op: Load | Store) -> tuple[Subscript, ...]:
        if op.buffer in self.views:
            return (TileSlice(self.axis),)
        return tuple(
            ValueIndex(self._index(entry.axis), (0,)) if isinstance(entry, TileSlice) else entry
            for entry in op.subscripts
        )

    # Indices.

    def _index(self, axis: Axis) -> Value:
        """The index of each lane along one of the grid's axes: int32."""
        if axis not in self._indices:
            place = self._grid.axes.index(axis)
            inner = math.prod(self._extents[place + 1 :])
            index = self._flat_index()
            if inner != 1:
                index = self._compute(torch.ops.aten.div.Tensor_mode, index, inner, axis, "trunc")
            if place != 0:
                extent = self._extents[place]
                index = self._compute(torch.ops.aten.fmod.Scalar, index, extent, axis, None)
            self._indices[axis] = index
        return self._indices[axis]

    def _flat_index(self) -> Value:
        if self.axis not in self._indices:
            index = Value(f"{self.axis.name}_index", TileType(torch.int32, (self.axis.size,)))
            self._ops.append(Range(result=index, axis=self.axis))
            self._indices[self.axis] = index
        return self._indices[self.axis]

    def _compute(
        self, operator: Any, operand: Value, number: int, axis: Axis, rounding: str | None
    ) -> Value:
        result = Value(f"{axis.name}_index", operand.type)
        kwargs = {} if rounding is None else {"rounding_mode": rounding}
        self._ops.append(
            Pointwise(result=result, operator=operator, args=(operand, number), kwargs=kwargs)
        )
        return result

    def _as(self, index: Value, wanted: Value, op: Range) -> Value:
        if wanted.type.dtype == index.type.dtype:
            return index
        result = Value(wanted.name, TileType(wanted.type.dtype, index.type.shape))
        convert = torch.ops.prims.convert_element_type.default
        self._ops.append(
            Pointwise(
                result=result,
                operator=convert,
                args=(index, wanted.type.dtype),
                kwargs={},
                location=op.location,
            )
        )
        return result
