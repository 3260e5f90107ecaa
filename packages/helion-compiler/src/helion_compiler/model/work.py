"""The work that a Program does, as lists that an estimate adds up: what is moved, multiplied and computed, how often.

Each entry knows the loops around it; how many turns they take, and how many lanes a size has, is the point's to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

from helion_compiler.program.access import accessed_shape
from helion_compiler.program.fields import blocks, operands, results
from helion_compiler.program.neighbours import Neighbours
from helion_compiler.program.ops import (
    Atomic,
    Dot,
    Fold,
    Load,
    Loop,
    Pointwise,
    Reduce,
    Sort,
    Store,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Whether it is loaded for a product in its own loop, where Triton keeps several turns in flight."""


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
    held: tuple[tuple[Value, ...], ...]
    """Values that registers hold at the same time."""


def work_of(program: Program) -> tuple[GridWork, ...]:
    """The work of each grid."""
    neighbours = Neighbours(program)
    return tuple(_Collector(grid, neighbours).work() for grid in program.grids)


class _Collector:
    def __init__(self, grid: Grid, neighbours: Neighbours) -> None:
        self._grid = grid
        self._neighbours = neighbours
        self._moved: list[Moved] = []
        self._multiplied: list[Multiplied] = []
        self._computed: list[Computed] = []
        self._held: list[tuple[Value, ...]] = []

    def work(self) -> GridWork:
        self._block(self._grid.body, (), ())
        return GridWork(
            self._grid,
            tuple(self._moved),
            tuple(self._multiplied),
            tuple(self._computed),
            tuple(self._held),
        )

    def _block(self, block: Block, loops: Loops, carried: tuple[Value, ...]) -> None:
        factors = {value for op in block.ops if isinstance(op, Dot) for value in (op.lhs, op.rhs)}
        staged = factors | set(_sources(block, factors)) if loops else set()
        for op in block.ops:
            self._op(op, loops, staged)
            own = (*operands(op), *results(op))
            if not isinstance(op, Loop):
                self._held.append((*carried, *(v for v in own if v not in staged | {*carried})))
            inner = (*loops, op) if isinstance(op, Loop) else loops
            for nested in () if isinstance(op, Fold) else blocks(op):
                kept = op.parameters if isinstance(op, Loop) else ()
                self._block(nested, inner, (*carried, *kept))

    def _op(self, op: Op, loops: Loops, staged: set[Value]) -> None:
        match op:
            case Load() | Store() | Atomic():
                shape = accessed_shape(op.subscripts, op.addresses)
                run = self._neighbours.of(op)
                reads = isinstance(op, Load)
                kept = isinstance(op, Load) and op.result in staged
                atomic = isinstance(op, Atomic)
                self._moved.append(Moved(op.buffer, shape, run, loops, reads, atomic, kept))
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
