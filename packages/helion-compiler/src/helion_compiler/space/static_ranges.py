"""Which loops may be unrolled completely: short ones whose bounds are numbers, by ``tl.static_range``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_autotune import Choice
from helion_autotune.constraints import Condition, Constraint
from helion_compiler.space.config_space import Exclusion, Site
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.ops import Loop
    from helion_compiler.program.program import Program
    from helion_compiler.space.tile_counts import TileCounts

MAX_TURNS = 8
"""Longer loops gain nothing by it and compile for long."""


def static_ranges(
    program: Program, counts: TileCounts, most_blocks: Mapping[str, int]
) -> SpacePart:
    """One entry for each inner loop; ``most_blocks`` are the largest values of the parameters of blocks."""
    sites: list[Site] = []
    excluded: list[Exclusion] = []
    advice: list[Constraint] = []
    for loop, name in zip(program.loops(), program.loop_names(), strict=True):
        reason = _why_not(program, loop, counts, most_blocks)
        if reason is None:
            sites.append(Site(name, Choice((False, True), default=False), neutral=False))
            advice.append(_short(loop, f"static_ranges[{name}]", counts))
        else:
            sites.append(Site(name, None, neutral=False, reason=reason))
            excluded.append(Exclusion(f"static_ranges[{name}]", reason))
    if not sites:
        excluded.append(Exclusion("static_ranges", "there is no loop inside a grid"))
    return SpacePart(sites={"static_ranges": sites}, advice=advice, excluded=excluded)


def _why_not(
    program: Program, loop: Loop, counts: TileCounts, most_blocks: Mapping[str, int]
) -> str | None:
    bounds = [program.resolve(bound) for axis in loop.axes for bound in (axis.begin, axis.end)]
    if not all(isinstance(bound, int) or bound.is_Integer for bound in bounds):
        return "where the loop begins or ends is only known at run time"
    turns = counts.of_all(loop.axes, most_blocks)
    if turns is None:
        return "how far the loop steps is only known at run time"
    if turns > MAX_TURNS:
        return f"the loop turns at least {turns} times, more than {MAX_TURNS}"
    return None


def _short(loop: Loop, name: str, counts: TileCounts) -> Constraint:
    def holds(point: Mapping[str, Any]) -> bool:
        turns = counts.of_all(loop.axes, point) if point[name] else MAX_TURNS
        return turns is not None and 1 < turns <= MAX_TURNS

    return Constraint(
        name, f"a loop of one turn, or of more than {MAX_TURNS}, is not unrolled", holds
    )


def unless_static(loop: str) -> Condition:
    """The condition of what an unrolled loop has not."""
    return Condition(
        "a loop that is unrolled completely has no options",
        lambda point: not point.get(f"static_ranges[{loop}]", False),
    )
