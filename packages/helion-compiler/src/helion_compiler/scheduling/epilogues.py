"""Find the epilogues of matrix products that can be done in parts: stores, with all that is computed between them and
the products along the columns of these.

In: a Program with masks inserted. Out: its epilogues, and why other stores of products have none. Nothing here
depends on block sizes.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.fields import blocks, made_by, operands, results
from helion_compiler.program.ops import Block, Load, Op, Store, has_effect
from helion_compiler.program.program import walk
from helion_compiler.scheduling.carried_products import LANE_BY_LANE, carried_products
from helion_compiler.scheduling.columns import NotCuttable, Trail, stored_axis, trail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Value


@attrs.frozen(eq=False, kw_only=True, slots=False)
class Epilogue:
    """What is done for each part of a tile, along ``axis``.

    ``cut`` are the values that are computed in full and then cut: accumulators, and others that cannot be computed
    in parts. ``ops`` are what is done in parts instead, stores included, in source order.
    """

    axis: Axis
    cut: tuple[Value, ...]
    ops: tuple[Op, ...]

    @cached_property
    def stores(self) -> tuple[Store, ...]:
        """The stores among ``ops``, all of one block."""
        return tuple(op for op in self.ops if isinstance(op, Store))

    @cached_property
    def accesses(self) -> tuple[Load | Store, ...]:
        """The accesses to memory among ``ops``."""
        return tuple(op for op in self.ops if isinstance(op, Load | Store))


@attrs.frozen
class Epilogues:
    """``found`` in a Program, in source order, and by the names of other stores of products what is in the way."""

    found: tuple[Epilogue, ...]
    refused: dict[str, str]


def find_epilogues(program: Program) -> Epilogues:
    """The epilogues of a Program."""
    finder = _Finder(program)
    found = [epilogue for block in _bodies(program) for epilogue in finder.block(block)]
    return Epilogues(tuple(found), finder.refused)


def _bodies(program: Program) -> Iterator[Block]:
    for grid in program.grids:
        yield grid.body
        for op in walk(grid.body):
            yield from blocks(op)


class _Finder:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._products = carried_products(program)
        self._users: defaultdict[Value, set[object]] = defaultdict(set)
        for op in program.walk():
            for value in operands(op):
                self._users[value].add(op)
        for block in _bodies(program):
            for value in block.yields:
                self._users[value].add(block)
        self.refused: dict[str, str] = {}

    def block(self, block: Block) -> list[Epilogue]:
        """The epilogues of one block."""
        makers = made_by(block.ops)
        trails: list[Trail] = []
        for op in block.ops:
            if isinstance(op, Store) and (roots := self._roots(op, makers)):
                try:
                    axis = stored_axis(op, roots, makers)
                    self._check_axis(axis)
                    trails.append(trail(self._program, op, axis, roots, makers))
                except NotCuttable as error:
                    self.refused[op.name] = str(error)
        return [e for group in _groups(trails) if (e := self._epilogue(block, group)) is not None]

    def _roots(self, store: Store, makers: dict[Value, Op]) -> frozenset[Value]:
        """The accumulators that a store depends on: products themselves, or what blocks hand on of them."""
        roots: set[Value] = set()
        seen: set[Value] = set()
        pending = list(operands(store))
        while pending:
            value = pending.pop()
            if value in seen:
                continue
            seen.add(value)
            maker = makers.get(value)
            if value in self._products and not isinstance(maker, LANE_BY_LANE):
                roots.add(value)
            elif maker is not None:
                pending += operands(maker)
        return frozenset(roots)

    def _check_axis(self, axis: Axis) -> None:
        """Refuse lanes that others end, or that end others."""
        if axis.ends is not None or any(other.parent == axis.size for other in self._axes):
            raise NotCuttable("the lanes of a jagged tile end at places of their own")

    @cached_property
    def _axes(self) -> tuple[Axis, ...]:
        return self._program.loop_axes()

    def _epilogue(self, block: Block, group: list[Trail]) -> Epilogue | None:
        """The epilogue of stores that share accumulators, unless something is in the way."""
        reason = self._why_not(block, group)
        if reason is not None:
            self.refused |= {one.store.name: reason for one in group}
            return None
        together = {op for one in group for op in (*one.ops, one.store)}
        in_parts = {value for op in together for value in results(op)}
        cut = dict.fromkeys(value for one in group for value in one.cut)
        return Epilogue(
            axis=group[0].axis,
            cut=tuple(value for value in cut if value not in in_parts),
            ops=tuple(op for op in block.ops if op in together),
        )

    def _why_not(self, block: Block, group: list[Trail]) -> str | None:
        if len({one.axis for one in group}) > 1:
            return "stores of one accumulator run along several loops"
        together: set[object] = {op for one in group for op in (*one.ops, one.store)}
        for value in (value for one in group for value in one.derived):
            if not self._users[value] <= together:
                return "the accumulator, or what is computed of it, is used elsewhere too"
        places = [block.ops.index(one.store) for one in group]
        between = block.ops[min(places) : max(places)]
        if any(op not in together and (has_effect(op) or blocks(op)) for op in between):
            return "something happens between two stores of one accumulator"
        return None


def _groups(trails: Iterable[Trail]) -> list[list[Trail]]:
    """Trails that share what they compute of accumulators belong together."""
    groups: list[list[Trail]] = []
    for one in trails:
        near = [g for g in groups if any(one.derived & other.derived for other in g)]
        groups = [group for group in groups if group not in near]
        groups.append([*(other for group in near for other in group), one])
    return groups
