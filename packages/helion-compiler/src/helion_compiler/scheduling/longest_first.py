"""Which axes of a grid are dealt out from their end, since the tiles there have the longest loops.

In: a grid of a Program, and the lanes of its blocks. Out: the axes along which tiles take more and more turns, as in
causal attention, whose loop over keys ends where a tile of queries does. Multiprocessors take programs as they come to
an end of others; where the longest begin last, most of the GPU waits for a few of them. To begin with the longest is
Graham's rule ("Bounds on multiprocessing timing anomalies", 1969).

Turns are counted in the example call, at a few tiles along an axis; what lies in memory is taken to be large and the
same for all.
"""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sympy

from helion_compiler.program.expressions import with_numbers
from helion_compiler.program.fields import made_by
from helion_compiler.program.ops import Load, Loop, Number, Pointwise, Reduce
from helion_compiler.program.program import walk
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_compiler.program.ops import Grid
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size

_IN_MEMORY = 1 << 30
"""What a number is taken for that is read from memory."""
_TILES = 4
"""At how many tiles of an axis turns are counted: at its begin, and at each quarter behind it."""


def longest_first(
    program: Program, grid: Grid, blocks: Mapping[sympy.Symbol, int]
) -> tuple[int, ...]:
    """The numbers of the axes; ``blocks`` says how many lanes a block has, by its symbol."""
    turns = _Turns(program, grid, blocks)
    return tuple(number for number, axis in enumerate(grid.axes) if turns.grow_along(axis))


class _UnknownError(Exception):
    """A bound is computed by an operator that is not followed."""


class _Turns:
    """The turns of all loops of a tile."""

    def __init__(self, program: Program, grid: Grid, blocks: Mapping[sympy.Symbol, int]) -> None:
        ops = list(walk(grid.body))
        self._program = program
        self._axes = [axis for op in ops if isinstance(op, Loop) for axis in op.axes]
        self._makers = made_by(ops)
        self._operands = {op.symbol: op.operand for op in ops if isinstance(op, Number)}
        offsets = {axis.offset for axis in (*grid.axes, *self._axes) if axis.offset is not None}
        self._numbers = {**program.symbol_hints, **blocks, **dict.fromkeys(offsets, 0)}

    def grow_along(self, axis: Axis) -> bool:
        """Whether later tiles along an axis take more of them, and none less."""
        if axis.offset is None or not self._axes:
            return False
        try:
            begin, extent = (
                self._of_size(size, self._numbers) for size in (axis.begin, axis.extent)
            )
            places = [begin + extent * tile // _TILES for tile in range(_TILES)]
            found = [self._at({**self._numbers, axis.offset: place}) for place in places]
        except _UnknownError:
            return False
        return found[0] < found[-1] and all(one <= other for one, other in pairwise(found))

    def _at(self, numbers: Mapping[sympy.Symbol, int]) -> int:
        return sum(max(self._of_size(axis.extent, numbers), 0) for axis in self._axes)

    def _of_size(self, size: Size, numbers: Mapping[sympy.Symbol, int]) -> int:
        expression = sympy.sympify(self._program.resolve(size))
        computed = expression.free_symbols & self._operands.keys()
        values = {one: self._of_value(self._operands[one], numbers) for one in computed}
        found = with_numbers(expression, {**numbers, **values})
        if not found.is_Integer:
            raise _UnknownError
        return int(found)

    def _of_value(self, value: Value, numbers: Mapping[sympy.Symbol, int]) -> int:
        op = self._makers.get(value)
        if isinstance(op, Load):
            return _IN_MEMORY
        if isinstance(op, Reduce) and op.kind in ("amax", "amin"):
            return self._of_value(op.operand, numbers)
        rule = _RULES.get(_name(op)) if isinstance(op, Pointwise) else None
        if rule is None:
            raise _UnknownError
        assert isinstance(op, Pointwise)
        return rule(*(self._of_argument(argument, numbers) for argument in op.args))

    def _of_argument(self, argument: Any, numbers: Mapping[sympy.Symbol, int]) -> Any:
        if isinstance(argument, Value):
            return self._of_value(argument, numbers)
        return self._of_size(argument, numbers) if isinstance(argument, sympy.Expr) else argument


def _name(op: Pointwise) -> str:
    return str(op.operator.overloadpacket.__name__)


def _clamped(number: int, low: int | None = None, high: int | None = None) -> int:
    number = number if low is None else max(number, low)
    return number if high is None else min(number, high)


_RULES: Mapping[str, Callable[..., int]] = MappingProxyType(
    {
        "add": lambda one, other: one + other,
        "sub": lambda one, other: one - other if one < _IN_MEMORY else one,
        "minimum": min,
        "maximum": max,
        "clamp": _clamped,
        "convert_element_type": lambda number, _dtype: number,
    }
)
"""Of integers, by the operator's name."""
