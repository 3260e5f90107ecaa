"""The work that a Program does, as lists that an estimate adds up: what is moved, multiplied and computed, how often.

Each entry knows the loops around it; how many turns they take, and how many lanes a size has, is the point's to say.
:mod:`.collecting` makes the lists.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from helion_compiler.model.factors import rearranges
from helion_compiler.program.fields import operands, results
from helion_compiler.program.ops import Dot, Fold, Load, Loop, Reduce, Reshape, Sort
from helion_compiler.program.program import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_compiler.model.factors import Factor
    from helion_compiler.model.nesting import Loops
    from helion_compiler.model.online import Online
    from helion_compiler.model.repeating import Repeated
    from helion_compiler.program.ops import Block, Grid
    from helion_compiler.program.types import Buffer, Size, Value

TOGETHER = (Reduce, Fold, Sort, Dot, Loop)
"""Ops for which all lanes come together, across threads."""


@attrs.frozen(eq=False)
class Moved:
    """An access: ``shape`` is what it touches in one turn, ``run`` the size along which lanes are neighbours in
    memory, ``spacing`` elements apart.
    """

    buffer: Buffer
    shape: tuple[Size, ...]
    run: Size
    spacing: int
    aligned: int
    """How many neighbours are read all or none, at multiples of so many."""
    loops: Loops
    reads: bool
    atomic: bool
    staged: bool
    """Whether it is loaded for a product: Triton keeps it in shared memory."""
    ahead: bool
    """Whether the product is in its own loop, where Triton keeps several turns in flight."""
    formed: bool
    """Whether a factor of a product in its own loop is computed from it: shared memory holds it as well."""
    guarded: bool
    """Whether data decides which lanes are read: the others are set before, and each load waits for that."""
    repeats: Mapping[Size, int]
    """In how many of the loops that a whole dimension becomes where it is rolled it is done, by the size of that."""
    result: Value | None
    """What is read."""
    beside: frozenset[Size] | None
    """The dimensions that must have one lane each for Triton to be told that lanes along ``run`` have no neighbours;
    None where it never is.
    """


@attrs.frozen(eq=False, slots=False)
class Multiplied:
    """A product of matrices, perhaps in batches."""

    batch: tuple[Size, ...]
    sizes: tuple[Size, Size, Size]
    itemsize: int
    loops: Loops
    factors: tuple[Factor, Factor]
    chained: bool
    """Whether a loop around it multiplies what the turn before has multiplied."""
    awaited: bool
    """Whether the turn goes on with the result, which is added to nothing that the next turn adds to."""
    fed: bool
    """Whether a factor is computed from what another product beside it results in."""
    swaps: bool = False
    """Whether a config may have its operands swapped."""
    by_lanes: bool = False
    """Whether lanes do it, since matrix units do not have its precision."""

    @property
    def results(self) -> tuple[Size, Size]:
        """The dimensions of a matrix of its results."""
        rows, _, columns = self.sizes
        return rows, columns

    @cached_property
    def swapped(self) -> Multiplied:
        """The same with its operands swapped, which it stays."""
        m, k, n = self.sizes
        left, right = self.factors
        return attrs.evolve(self, sizes=(n, k, m), factors=(right, left), swaps=False)


@attrs.frozen(eq=False)
class Computed:
    """Operations per lane of a shape. ``reduces`` is the size along which lanes become one, if they do."""

    shape: tuple[Size, ...]
    operations: float
    loops: Loops
    repeats: Mapping[Size, int]
    reduces: Size | None = None
    hoistable: bool = False
    """Whether it is done behind the loop instead where its lanes are few enough to be held."""


@attrs.frozen
class Held:
    """Values that registers hold at the same time, and what is loaded into them until lanes come together again."""

    loops: Loops
    values: frozenset[Value]
    coming: frozenset[Value]
    taken: frozenset[Value] = frozenset()
    """Lanes that reductions of the loop around take which leave it, where they are few enough: what is added up."""
    product: Value | None = None
    """The result of the product among ``values``, which is summed in 32 bits before it is rounded."""
    reshape: Reshape | None = None
    """What they are held for, where that orders lanes anew; nothing otherwise."""
    repeated: Repeated | None = None
    """The same of a vector that is repeated along them."""

    def is_held(self, lanes: Callable[[Size], int]) -> bool:
        """Whether lanes come together here, where sizes have so many."""
        if self.reshape is not None:
            return rearranges(self.reshape, lanes)
        return self.repeated is None or self.repeated.is_passed(lanes)


@attrs.frozen(eq=False)
class GridWork:
    """What the tiles of one grid do."""

    grid: Grid
    moved: tuple[Moved, ...]
    """In the order of the source."""
    multiplied: tuple[Multiplied, ...]
    computed: tuple[Computed, ...]
    held: tuple[Held, ...]
    online: tuple[Online, ...]

    @cached_property
    def sources(self) -> Mapping[Value, frozenset[Value]]:
        """What each value that is computed lane by lane is computed from, as it was loaded or brought together."""
        return _sources_of_lanes(self.grid.body)


def _sources_of_lanes(block: Block) -> dict[Value, frozenset[Value]]:
    """Of each value of a block and of those in it, the values that it is computed from before lanes come together."""
    sources: dict[Value, frozenset[Value]] = {}
    for op in walk(block):
        begins = isinstance(op, (Load, *TOGETHER))
        read = frozenset().union(*(sources.get(v, frozenset((v,))) for v in operands(op)))
        for value in results(op):
            sources[value] = frozenset((value,)) if begins else read
    return sources
