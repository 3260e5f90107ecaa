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
    from helion_compiler.space.tile_counts import TileCounts

MAX_PROGRAMS_BESIDE = 65535
"""What CUDA allows of a grid's second and third dimension."""
_ONE_DIMENSION = "the grid has one dimension"
_NOT_FLAT = (
    "a tile of several axes stays one: a flat axis would have to tell its axes apart by division"
)
_BARRIER = "the kernel has a barrier, which all programs reach together"


def program_ids(program: Program, counts: TileCounts) -> SpacePart:
    """``pid_type``, ``loop_orders`` and ``l2_groupings``."""
    kinds, excluded = _kinds(program)
    sites, more = _sites(program)
    xyz = "xyz" in kinds
    (name, *_) = program.grid_names()
    return SpacePart(
        single={"pid_type": Choice(kinds, default="flat" if "flat" in kinds else kinds[-1])},
        sites=sites,
        conditions={f"l2_groupings[{name}]": _in_a_row()} if xyz else {},
        demands=(_limits(program, counts, f"loop_orders[{name}]"),) if xyz else (),
        excluded=(*excluded, *more, Exclusion("flatten_loops", _NOT_FLAT)),
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


def _in_a_row() -> Condition:
    return Condition(
        "the programs of a grid of several dimensions have no groups",
        lambda point: point["pid_type"] != "xyz",
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
