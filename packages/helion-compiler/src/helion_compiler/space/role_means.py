"""Points of kernels whose warps have roles: what they are like untuned, and which a search tries first.

A program has 128 rows where there are tiles enough, takes keys in blocks of 128, has as many buffers as there is room
for, and stays for several tiles, so that the next one's operands are copied while results are stored (measured on an
H200).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from helion_compiler.scheduling.warp_roles import GROUP_ROWS, GROUP_WARPS
from helion_compiler.space.access_modes import mode_of
from helion_compiler.space.warp_specialization import MAX_GROUPS, MIN_BUFFERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helion_autotune import Point, Space
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis
    from helion_compiler.scheduling.warp_roles import WarpRoles
    from helion_compiler.space.warp_specialization import WarpSpecialization

_KEYS = (128, 64)
_MOST_BUFFERS = 4
_ALONE = 0.75
"""What a group by itself takes for its rows, of the time of two for theirs: nobody computes while it multiplies."""


def points_with_roles(
    space: Space,
    point: Point,
    program: Program,
    warps: WarpSpecialization,
    multiprocessors: int,
) -> list[Point]:
    """``point`` with roles for its warps: as ``space`` admits it, the best first."""
    if warps.roles is None:
        return []
    found = []
    for rows in _rows(program, warps, multiprocessors):
        for keys in _KEYS:
            for change in _changes(program, warps, point, rows, keys):
                other = space.point({**point, **change})
                if not space.check(other):
                    found.append(other)
                    break
    return found


def _rows(program: Program, warps: WarpSpecialization, multiprocessors: int) -> list[int]:
    """Rows of a tile, the better first: two groups take longer for a tile than one, for twice the rows.

    Not those of one group where a multiprocessor would have two tiles of them: Triton's own loops run two programs
    then, of which one computes while the other multiplies.
    """
    assert warps.roles is not None
    of_groups, most = warps.roles.rows, MAX_GROUPS * GROUP_ROWS

    def tiles(rows: int) -> int:
        return math.prod(
            -(-program.example(axis.extent) // (rows if axis == of_groups else 1))
            for axis in program.grids[0].axes
        )

    if tiles(GROUP_ROWS) >= 2 * multiprocessors:
        return [most]
    alone = math.ceil(tiles(GROUP_ROWS) / multiprocessors) * _ALONE
    return (
        [GROUP_ROWS, most]
        if alone < math.ceil(tiles(most) / multiprocessors)
        else [most, GROUP_ROWS]
    )


def _changes(
    program: Program, warps: WarpSpecialization, point: Point, rows: int, keys: int
) -> Iterator[Mapping[str, Any]]:
    """What makes such a point of another one, with ever fewer buffers."""
    roles = warps.roles
    assert roles is not None
    blocks = {
        **dict.fromkeys(program.grids[0].axes, 1),
        **{turn.axis: keys for turn in roles.turns},
        roles.rows: rows,
    }
    change: dict[str, Any] = {
        warps.parameter: True,
        "num_warps": rows // GROUP_ROWS * GROUP_WARPS,
        "pid_type": "persistent_interleaved",
        **{name: size for axis, size in blocks.items() if (name := _searched(axis)) in point},
        **{name: "tensor_descriptor" for op in roles.matrices if (name := mode_of(op)) in point},
    }
    if not _depends_on_rows(
        roles
    ):  # tiles of the same rows share what they read: one after the other
        (grid,) = program.grids
        rows_first = sorted(range(len(grid.axes)), key=lambda place: grid.axes[place] != roles.rows)
        (name,) = program.grid_names()
        ordered = {f"loop_orders[{name}]": tuple(rows_first), f"l2_groupings[{name}]": 1}
        change |= {key: value for key, value in ordered.items() if key in point}
    for buffers in range(_MOST_BUFFERS, MIN_BUFFERS - 1, -1):
        yield {**change, "num_stages": buffers}


def _depends_on_rows(roles: WarpRoles) -> bool:
    """Whether some rows have longer loops than others."""
    bounds = [bound for turn in roles.turns for bound in (turn.axis.begin, turn.axis.end)]
    return any(
        roles.rows.offset in bound.free_symbols for bound in bounds if not isinstance(bound, int)
    )


def _searched(axis: Axis) -> str:
    """The parameter of an axis's block, if it has one."""
    return "" if axis.block is None else f"block_sizes[{axis.block.name}]"
