"""The arguments of each ``tl.range``: of the loops over the tiles of a persistent kernel, and of inner loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_autotune import Choice, Integer
from helion_compiler.program.ops import Dot, Loop
from helion_compiler.program.program import walk
from helion_compiler.space.config_space import Site
from helion_compiler.space.persistence import when_persistent
from helion_compiler.space.space_part import SpacePart
from helion_compiler.space.static_ranges import unless_static

if TYPE_CHECKING:
    from collections.abc import Collection

    from helion_autotune.constraints import Condition
    from helion_compiler.program.program import Program

_NO_DOT = "the loop accumulates no matrix product"
_NO_LOOP = "there is no loop inside it to flatten with"


def range_options(program: Program, unrolled: Collection[str]) -> SpacePart:
    """One entry for the persistent loop over the tiles of each grid, then one for each inner loop.

    ``unrolled`` are the inner loops that a config may unroll completely.
    """
    sites = _sites(program)
    conditions: dict[str, Condition] = {}
    grids = program.grid_names()
    for key, entries in sites.items():
        for site in entries:
            if site.parameter is None:
                continue
            if site.name in unrolled:
                conditions[f"{key}[{site.name}]"] = unless_static(site.name)
            elif site.name in grids and program.barrier is None:
                conditions[f"{key}[{site.name}]"] = when_persistent()
    return SpacePart(sites=sites, conditions=conditions)


def _sites(program: Program) -> dict[str, list[Site]]:
    grids, inner = program.grid_names(), program.loop_names()
    optional = Choice((None, False, True), default=None)
    sites = {
        key: [Site(name, Integer(0, 4, default=0), neutral=0) for name in (*grids, *inner)]
        for key in ("range_unroll_factors", "range_num_stages")
    }
    dots = [any(isinstance(op, Dot) for op in loop.body.ops) for loop in program.loops()]
    sites["range_multi_buffers"] = [
        *(Site(name, None, reason=_NO_DOT) for name in grids),
        *(
            Site(name, optional if dot else None, reason="" if dot else _NO_DOT)
            for name, dot in zip(inner, dots, strict=True)
        ),
    ]
    hold_loops = [any(isinstance(op, Loop) for op in walk(grid.body)) for grid in program.grids]
    sites["range_flattens"] = [
        *(
            Site(name, optional if held else None, reason="" if held else _NO_LOOP)
            for name, held in zip(grids, hold_loops, strict=True)
        ),
        *(Site(name, None, reason=_NO_LOOP) for name in inner),
    ]
    return sites
