"""Which grids of several axes may be walked as one flat axis, and with which blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune import Choice
from helion_autotune.constraints import Condition, Constraint
from helion_compiler.scheduling.check_flat import NotFlat, check_flat
from helion_compiler.space.config_space import Exclusion, Site
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.ops import Grid
    from helion_compiler.program.program import Program


@attrs.frozen
class FlatLoops:
    """The keys of flat grids, and the parameters that say whether a grid is one, by the grid's name."""

    part: SpacePart
    parameters: Mapping[str, str]

    def unless(self, grid: str) -> Condition | None:
        """The condition of what a flat grid has not; None for a grid that is never flat."""
        name = self.parameters.get(grid)
        if name is None:
            return None
        return Condition("a flat grid has one axis", lambda point: not point[name])


def flat_loops(program: Program, ends: Mapping[str, tuple[int, int]]) -> FlatLoops:
    """``flatten_loops``: one entry for each grid. ``ends`` are the least and the largest block of each parameter."""
    sites: list[Site] = []
    excluded: list[Exclusion] = []
    advice: list[Constraint] = []
    parameters: dict[str, str] = {}
    for grid, name in zip(program.grids, program.grid_names(), strict=True):
        parameter = f"flatten_loops[{name}]"
        try:
            check_flat(program, grid)
        except NotFlat as error:
            sites.append(Site(name, None, neutral=False, reason=str(error)))
            excluded.append(Exclusion(parameter, str(error)))
            continue
        parameters[name] = parameter
        sites.append(Site(name, Choice((False, True), default=False), neutral=False))
        advice.append(_one_block(grid, parameter, ends))
    one_row = Condition(
        "programs in a grid of several dimensions have an axis for each",
        lambda point: point["pid_type"] != "xyz",
    )
    part = SpacePart(
        sites={"flatten_loops": sites},
        conditions=dict.fromkeys(parameters.values(), one_row),
        advice=advice,
        excluded=excluded,
    )
    return FlatLoops(part, parameters)


def _one_block(grid: Grid, flat: str, ends: Mapping[str, tuple[int, int]]) -> Constraint:
    """The product of the blocks alone counts, so that one way to write each product is enough."""
    names = [
        f"block_sizes[{axis.block.name}]"
        for axis in grid.axes
        if axis.block is not None and axis.block.fixed is None
    ]

    def holds(point: Mapping[str, Any]) -> bool:
        if not point[flat]:
            return True
        return all(
            point[name] == ends[name][0]
            or all(point[inner] == ends[inner][1] for inner in names[place + 1 :])
            for place, name in enumerate(names)
        )

    return Constraint(
        f"block of {flat}",
        "a flat grid has one block, written as the largest block of the last axis before larger ones of others",
        holds,
    )
