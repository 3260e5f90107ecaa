"""The work that a Program does, as lists that an estimate adds up: what is moved, multiplied and computed, how often.

Each entry knows the loops around it; how many turns they take, and how many lanes a size has, is the point's to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

from helion_compiler.program.access import accessed_shape
from helion_compiler.program.fields import blocks, operands, parameters, results
from helion_compiler.program.neighbours import Neighbours
from helion_compiler.program.ops import (
    Atomic,
    Dot,
    Fold,
    Load,
    Loop,
    Mask,
    Pointwise,
    Reduce,
    Sort,
    Squeeze,
    Store,
    Unsqueeze,
)
from helion_compiler.program.program import walk, whole_axes
from helion_compiler.scheduling.levels import count_loops

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from helion_compiler.program.ops import Block, Grid, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Buffer, Size, Value

    Loops: TypeAlias = tuple[Loop, ...]

_SLOW = ("exp", "log", "sin", "cos", "tan", "erf", "pow", "sigmoid", "silu", "gelu", "sqrt", "div")
"""Names of operators that take several instructions a lane."""


@attrs.frozen(eq=False)
class Moved:
    """An access: ``shape`` is what it touches in one turn, ``run`` the size that is contiguous in memory."""

    buffer: Buffer
    shape: tuple[Size, ...]
    run: Size
    loops: Loops
    reads: bool
    atomic: bool
    staged: bool
    """Whether it is loaded for a product: Triton keeps it in shared memory."""
    ahead: bool
    """Whether the product is in its own loop, where Triton keeps several turns in flight."""


@attrs.frozen(eq=False)
class Multiplied:
    """A product of matrices, perhaps in batches."""

    batch: tuple[Size, ...]
    sizes: tuple[Size, Size, Size]
    itemsize: int
    loops: Loops


@attrs.frozen(eq=False)
class Computed:
    """Operations per lane of a shape. ``reduces`` is the size along which lanes become one, if they do."""

    shape: tuple[Size, ...]
    operations: float
    loops: Loops
    reduces: Size | None = None


@attrs.frozen(eq=False)
class GridWork:
    """What the tiles of one grid do."""

    grid: Grid
    moved: tuple[Moved, ...]
    multiplied: tuple[Multiplied, ...]
    computed: tuple[Computed, ...]
    held: tuple[frozenset[Value], ...]
    """Values that registers hold at the same time."""
    loops_of_rolling: Mapping[Size, int]
    """How many loops a whole dimension of this size becomes where it is rolled."""


def work_of(program: Program) -> tuple[GridWork, ...]:
    """The work of each grid."""
    neighbours = Neighbours(program)
    return tuple(_Collector(grid, neighbours).work() for grid in program.grids)


class _Collector:
    def __init__(self, grid: Grid, neighbours: Neighbours) -> None:
        self._grid = grid
        self._neighbours = neighbours
        self._factors = _factors(walk(grid.body))
        self._moved: list[Moved] = []
        self._multiplied: list[Multiplied] = []
        self._computed: list[Computed] = []
        self._held: list[frozenset[Value]] = []

    def work(self) -> GridWork:
        self._block(self._grid.body, (), frozenset())
        return GridWork(
            self._grid,
            tuple(self._moved),
            tuple(self._multiplied),
            tuple(self._computed),
            tuple(self._held),
            {axis.size: count_loops(self._grid.body, axis) for axis in whole_axes(self._grid.body)},
        )

    def _block(self, block: Block, loops: Loops, outside: frozenset[Value]) -> frozenset[Value]:
        """Collect a block that leaves the values ``outside`` alone; the values that it reads from outside are
        returned.
        """
        own = _factors(block.ops)
        ahead = own | set(_sources(block, own)) if loops else set()
        staged = self._factors | set(_sources(block, self._factors))
        for op in block.ops:
            self._op(op, loops, staged, ahead)
        same = {
            op.result: op.operand for op in block.ops if isinstance(op, Mask | Squeeze | Unsqueeze)
        }
        live = outside | _held_as(block.yields, same)
        for op in reversed(block.ops):
            live -= frozenset(results(op))
            inner = (*loops, op) if isinstance(op, Loop) else loops
            for nested in () if isinstance(op, Fold) else blocks(op):
                live |= self._block(nested, inner, live) - frozenset(parameters(op))
            live |= _held_as(operands(op), same)
            self._held.append(live - staged)
        return live

    def _op(self, op: Op, loops: Loops, staged: set[Value], ahead: set[Value]) -> None:
        match op:
            case Load() | Store() | Atomic():
                shape = accessed_shape(op.subscripts, op.addresses)
                run = self._neighbours.of(op)
                reads = isinstance(op, Load)
                kept, early = (isinstance(op, Load) and op.result in of for of in (staged, ahead))
                atomic = isinstance(op, Atomic)
                self._moved.append(Moved(op.buffer, shape, run, loops, reads, atomic, kept, early))
            case Dot():
                batch = op.lhs.type.shape[:-2]
                size = op.lhs.type.dtype.itemsize
                self._multiplied.append(Multiplied(batch, op.sizes, size, loops))
            case Pointwise():
                slow = any(part in str(op.operator) for part in _SLOW)
                self._computed.append(Computed(op.result.type.shape, 6.0 if slow else 1.0, loops))
            case Reduce():
                shape = op.operand.type.shape
                self._computed.append(Computed(shape, 1.0, loops, shape[op.dim]))
            case Fold():
                shape = op.operands[0].type.shape
                self._computed.append(Computed(shape, 8.0, loops, shape[op.dim]))
            case Sort():
                shape = op.operand.type.shape
                self._computed.append(Computed(shape, 60.0, loops, shape[-1]))
            case _:
                self._computed += [Computed(v.type.shape, 0.5, loops) for v in results(op)]


def _held_as(values: Iterable[Value], same: Mapping[Value, Value]) -> frozenset[Value]:
    """The values in registers that values are: their own, or those that they are views of."""
    found = frozenset(values)
    while views := found & same.keys():
        found = found - views | {same[value] for value in views}
    return found


def _factors(ops: Iterable[Op]) -> set[Value]:
    """What products multiply."""
    return {value for op in ops if isinstance(op, Dot) for value in (op.lhs, op.rhs)}


def _sources(block: Block, factors: set[Value]) -> Iterator[Value]:
    """Loads of a block that a product reads, by casts and views or as they are."""
    wanted = set(factors)
    for op in reversed(block.ops):
        if wanted.isdisjoint(results(op)):
            continue
        if isinstance(op, Load):
            yield op.result
        elif not isinstance(op, Dot | Loop) and len(operands(op)) == 1:
            wanted |= set(operands(op))


def axes_of(loops: Loops) -> Iterator[Axis]:
    """The axes of loops, the outer ones first."""
    for loop in loops:
        yield from loop.axes
