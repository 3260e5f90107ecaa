"""Which loops may sum their products with operands swapped: those that multiply what they load by what they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune import Choice
from helion_autotune.constraints import Constraint
from helion_compiler.program.fields import made_by
from helion_compiler.program.neighbours import Neighbours
from helion_compiler.program.ops import Dot
from helion_compiler.program.views import loaded_by
from helion_compiler.scheduling.swap_operands import swappable
from helion_compiler.scheduling.warp_roles import GROUP_ROWS, GROUP_WARPS
from helion_compiler.space.config_space import Exclusion, Site
from helion_compiler.space.space_part import SpacePart
from helion_compiler.space.unpipelined_products import is_no_loop, is_unpipelined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_compiler.program.ops import Loop
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size
    from helion_compiler.space.point_lanes import PointLanes
    from helion_compiler.space.target_traits import TargetTraits
    from helion_compiler.space.tile_counts import TileCounts

_KEY = "swap_operands"


def swapped_operands(
    program: Program, lanes: PointLanes, counts: TileCounts, traits: TargetTraits
) -> SpacePart:
    """One entry for each inner loop with products, and a demand for each that may be swapped."""
    sites: list[Site] = []
    excluded: list[Exclusion] = []
    demands: list[Constraint] = []
    neighbours = Neighbours(program)
    for loop, name in zip(program.loops(), program.loop_names(), strict=True):
        if not any(isinstance(op, Dot) for op in loop.body.ops):
            continue
        reason = _why_not(loop, neighbours, traits)
        if reason is None:
            columns = {op.sizes[2] for one in swappable(loop) for op in one.products}
            demands.append(_Swapped(name, loop.axes, columns, lanes, counts).demand())
            sites.append(Site(name, Choice((False, True), default=False), neutral=False))
        else:
            sites.append(Site(name, None, neutral=False, reason=reason))
            excluded.append(Exclusion(f"{_KEY}[{name}]", reason))
    if not sites:
        excluded.append(Exclusion(_KEY, "there is no loop with products inside a grid"))
    return SpacePart(sites={_KEY: sites}, demands=demands, excluded=excluded)


def with_swapped(
    seeds: Sequence[Mapping[str, Any]], sites: Sequence[Site]
) -> tuple[Mapping[str, Any], ...]:
    """Rules of thumb, and behind them the same with operands swapped wherever they may be."""
    swapped = {f"{_KEY}[{site.name}]": True for site in sites if site.parameter is not None}
    return (*seeds, *({**seed, **swapped} for seed in seeds if swapped))


def _why_not(loop: Loop, neighbours: Neighbours, traits: TargetTraits) -> str | None:
    if not traits.abilities.multiplies_from_registers:
        return "only products of Hopper's warp groups take their left factors from registers, and no right ones"
    sums = swappable(loop)
    if not sums:
        return (
            "it has no sum of products alone, of two bytes an element, whose left factors are loaded and whose right "
            "ones are computed in each turn"
        )
    made = made_by(loop.body.ops)
    loads = [loaded_by(op.lhs, made) for one in sums for op in one.products]
    if any(load is not None and neighbours.of(load) == 1 for load in loads):
        return "a left factor is not copied ahead, as its lanes lie apart in memory: it would pass registers, too"
    return None


@attrs.frozen
class _Swapped:
    """A loop whose products may be swapped, and the columns of their right factors, which are the rows then."""

    name: str
    axes: tuple[Axis, ...]
    columns: set[Size]
    lanes: PointLanes
    counts: TileCounts

    def demand(self) -> Constraint:
        """What they have been measured with, and are right with."""
        reason = (
            f"products of the loop {self.name} with swapped operands are those of groups of {GROUP_WARPS} warps, with "
            f"{GROUP_ROWS} columns or more for each group, in a loop of several turns that is pipelined"
        )
        return Constraint(f"swapped operands of {self.name}", reason, self._holds)

    def _holds(self, point: Mapping[str, Any]) -> bool:
        if not point.get(f"{_KEY}[{self.name}]"):
            return True
        groups = int(point["num_warps"]) // GROUP_WARPS
        enough = all(0 < groups * GROUP_ROWS <= self.lanes.of(size, point) for size in self.columns)
        if not enough or is_unpipelined(self.name, point):
            return False
        return not is_no_loop(self.name, self.axes, self.counts, point)
