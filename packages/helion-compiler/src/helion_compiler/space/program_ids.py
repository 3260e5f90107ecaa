"""How program ids become tiles: the kind of grid, the order of its axes, and groups of tiles that share the L2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_autotune import Choice, Permutation, PowerOfTwo
from helion_autotune.constraints import Condition, Constraint
from helion_compiler.space.config_space import Exclusion, Site
from helion_compiler.space.persistence import PERSISTENT
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_autotune import Parameter
    from helion_compiler.program.program import Program
    from helion_compiler.space.flat_loops import FlatLoops
    from helion_compiler.space.tile_counts import TileCounts

MAX_PROGRAMS_BESIDE = 65535
"""What CUDA allows of a grid's second and third dimension."""
_ONE_DIMENSION = "the grid has one dimension"
_BARRIER = "the kernel has a barrier, which all programs reach together"


def program_ids(program: Program, counts: TileCounts, flat: FlatLoops) -> SpacePart:
    """``pid_type``, ``loop_orders`` and ``l2_groupings``; what is said of several axes is not said of ``flat`` ones."""
    kinds, excluded = _kinds(program)
    sites, more = _sites(program)
    xyz = "xyz" in kinds
    (name, *_) = program.grid_names()
    return SpacePart(
        single={"pid_type": Choice(kinds, default="flat" if "flat" in kinds else kinds[-1])},
        sites=sites,
        conditions=_conditions(program, flat, xyz=xyz),
        demands=(_limits(program, counts, f"loop_orders[{name}]"),) if xyz else (),
        excluded=(*excluded, *more),
    )


def _kinds(program: Program) -> tuple[tuple[str, ...], list[Exclusion]]:
    """Barriers need every program to run at once, which persistent ones do."""
    if program.barrier is not None:
        excluded = [Exclusion("pid_type flat", _BARRIER), Exclusion("pid_type xyz", _BARRIER)]
        return PERSISTENT, excluded
    reason = _why_not_xyz(program)
    if reason is not None:
        return ("flat", *PERSISTENT), [Exclusion("pid_type xyz", reason)]
    return ("flat", "xyz", *PERSISTENT), []


def _why_not_xyz(program: Program) -> str | None:
    if len(program.grids) > 1:
        return "the kernel has several grids, which share one row of programs"
    axes = len(program.grids[0].axes)
    if axes == 1:
        return _ONE_DIMENSION
    return None if axes <= 3 else f"the grid has {axes} dimensions, a launch has three"


def _sites(program: Program) -> tuple[dict[str, list[Site]], list[Exclusion]]:
    orders: list[Site] = []
    groupings: list[Site] = []
    for grid, name in zip(program.grids, program.grid_names(), strict=True):
        count = len(grid.axes)
        identity = tuple(range(count))
        order: Parameter | None = Permutation(count, default=identity) if count > 1 else None
        grouping: Parameter | None = PowerOfTwo(1, 64, default=1) if count > 1 else None
        orders.append(Site(name, order, neutral=list(identity), reason=_ONE_DIMENSION))
        groupings.append(Site(name, grouping, neutral=1, reason=_ONE_DIMENSION))
    sites = {"loop_orders": orders, "l2_groupings": groupings}
    if any(site.parameter is not None for site in orders):
        return sites, []
    return {}, [Exclusion(key, _ONE_DIMENSION) for key in sites]


def _conditions(program: Program, flat: FlatLoops, *, xyz: bool) -> dict[str, Condition]:
    conditions: dict[str, Condition] = {}
    for name in program.grid_names():
        unless_flat = flat.unless(name)
        if unless_flat is not None:
            conditions[f"loop_orders[{name}]"] = unless_flat
        if xyz or unless_flat is not None:
            conditions[f"l2_groupings[{name}]"] = _in_a_row(unless_flat)
    return conditions


def _in_a_row(also: Condition | None) -> Condition:
    return Condition(
        "a flat grid, or one of several dimensions, has no groups",
        lambda point: point["pid_type"] != "xyz" and (also is None or also.holds(point)),
    )


def _limits(program: Program, counts: TileCounts, order: str) -> Constraint:
    """What is not known here, the variant's guard asks for."""
    axes = program.grids[0].axes

    def holds(point: Mapping[str, Any]) -> bool:
        if point["pid_type"] != "xyz":
            return True
        beside = (counts.of(axes[i], point) for i in point[order][1:])
        return all(count is None or count <= MAX_PROGRAMS_BESIDE for count in beside)

    return Constraint(
        "grid of xyz",
        f"the second and third dimension of a grid have at most {MAX_PROGRAMS_BESIDE} programs",
        holds,
    )
