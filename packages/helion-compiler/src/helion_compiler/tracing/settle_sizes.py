"""Make sizes that the guard makes equal one and the same expression, everywhere in a Program.

Python learns while it traces that two sizes are equal, or that a size is a number. What was recorded before mentions
the size by its old name and what came after by its new one; nothing behind the trace is to know of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sympy

from helion_compiler.program.fields import replaced
from helion_compiler.program.ops import Block
from helion_compiler.program.types import Axis, TileType, Value

if TYPE_CHECKING:
    from helion_compiler.program.ops import Grid, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size


def settle_sizes(program: Program) -> Program:
    """The same Program with every size of its values and loops resolved by its equalities.

    Buffers keep the sizes that they are declared with; who compares with those asks the Program.
    """
    if not program.equalities:
        return program
    settler = _Settler(program)
    return attrs.evolve(
        program,
        grids=tuple(map(settler.grid, program.grids)),
        products={
            settler.size(size): tuple(map(settler.size, parts))
            for size, parts in program.products.items()
        },
    )


class _Settler:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._values: dict[Value, Value] = {}

    def size(self, size: Size) -> Size:
        resolved = self._program.resolve(size)
        if isinstance(resolved, sympy.Integer):
            return int(resolved)
        return resolved

    def grid(self, grid: Grid) -> Grid:
        return attrs.evolve(
            grid, axes=tuple(map(self._axis, grid.axes)), body=self._block(grid.body)
        )

    def _block(self, block: Block) -> Block:
        ops = tuple(map(self._op, block.ops))
        return attrs.evolve(block, ops=ops, yields=tuple(map(self._value, block.yields)))

    def _op(self, op: Op) -> Op:
        # Blocks last: they read what the op defines for them.
        names = [field.name for field in attrs.fields(type(op)) if field.name != "location"]
        names.sort(key=lambda name: isinstance(getattr(op, name), Block))
        return attrs.evolve(op, **{name: self._field(getattr(op, name)) for name in names})

    def _field(self, field: Any) -> Any:
        return self._block(field) if isinstance(field, Block) else replaced(field, self._part)

    def _part(self, part: Any) -> Any:
        match part:
            case Value():
                return self._value(part)
            case Axis():
                return self._axis(part)
            case sympy.Basic():
                return self.size(part)
            case _:
                return part

    def _value(self, value: Value) -> Value:
        if value not in self._values:
            shape = tuple(map(self.size, value.type.shape))
            same = shape == value.type.shape
            self._values[value] = (
                value if same else Value(value.name, TileType(value.type.dtype, shape))
            )
        return self._values[value]

    def _axis(self, axis: Axis) -> Axis:
        return attrs.evolve(
            axis,
            begin=self.size(axis.begin),
            end=self.size(axis.end),
            step=self.size(axis.step),
            ends=None if axis.ends is None else self._value(axis.ends),
            parent=None if axis.parent is None else self.size(axis.parent),
        )
