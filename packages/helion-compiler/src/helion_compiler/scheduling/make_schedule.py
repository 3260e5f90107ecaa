"""Resolve a point of the config space into a Schedule. This is where the Config enters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs

from helion_compiler.program.ops import Atomic, Load, Loop, Store
from helion_compiler.program.program import walk
from helion_compiler.scheduling.await_products import await_products
from helion_compiler.scheduling.flatten_grid import flatten_grid
from helion_compiler.scheduling.hoist_reductions import hoist_reductions
from helion_compiler.scheduling.least_lanes import least_lanes
from helion_compiler.scheduling.longest_first import longest_first
from helion_compiler.scheduling.renew_indices import renew_indices
from helion_compiler.scheduling.repeat_passes import repeat_passes
from helion_compiler.scheduling.roll_reductions import roll_reductions
from helion_compiler.scheduling.schedule import CacheHints, GridSchedule, LoopOptions, Schedule
from helion_compiler.scheduling.subtile_epilogues import subtile_epilogues
from helion_compiler.scheduling.swap_operands import swap_operands
from helion_compiler.scheduling.warp_roles import warp_roles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import sympy

    from helion_autotune import Point
    from helion_compiler.program.ops import Grid
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size
    from helion_compiler.scheduling.schedule import Abilities
    from helion_compiler.scheduling.warp_roles import WarpRoles


def make_schedule(
    program: Program,
    point: Point,
    *,
    dot_precision: str,
    fast_math: bool,
    abilities: Abilities,
    dependent_launch: bool = False,
) -> Schedule:
    """The Schedule of ``program`` at ``point``, which is a point of its config space, for a GPU of these abilities."""
    # Rolled reductions add loops, which have no options of their own but are pipelined as the whole kernel is.
    roles = _roles(program, point)
    names = {
        loop.axes: name for loop, name in zip(program.loops(), program.loop_names(), strict=True)
    }
    flat = [bool(point.get(f"flatten_loops[{name}]")) for name in program.grid_names()]
    if roles is None:
        program = _rewritten(program, point, flat)
        program = swap_operands(program, _swapping(point, names))
        if abilities.multiplies_from_registers:
            program = await_products(program)
            program = renew_indices(program, _lanes_of_sizes(program, point))
    stages = _integer(point.get("num_stages", 1))
    rolled = LoopOptions(num_stages=stages if stages > 1 else 0)
    blocks = _block_sizes(program, point)
    fused = _fused(program, point)
    return Schedule(
        program=program,
        block_sizes=blocks,
        least_lanes=least_lanes(program),
        program_ids=point["pid_type"],
        grids=tuple(
            _grid_schedule(grid, point, name, longest_first(program, grid, blocks), flat=is_flat)
            for grid, name, is_flat in zip(program.grids, program.grid_names(), flat, strict=True)
        ),
        loops={
            loop: attrs.evolve(
                _options(point, names[loop.axes]) if loop.axes in names else rolled,
                fused=loop in fused,
            )
            for loop in program.loops()
        },
        access_modes={op.name: _access_mode(point, op, roles) for op in program.accesses()},
        cache_hints={
            op.name: _cache_hints(point, op)
            for op in program.accesses()
            if isinstance(op, Load | Store)
        },
        num_warps=_integer(point["num_warps"]),
        num_stages=stages,
        hints={name: point[name] for name in _HINTS if point.get(name)},
        follows_dies=point.get("xcd_remap", False),
        sm_multiplier=_integer(point.get("num_sm_multiplier", 1)),
        dot_precision=dot_precision,
        fast_math=fast_math,
        abilities=abilities,
        dependent_launch=dependent_launch,
        roles=roles,
    )


def _swapping(point: Point, names: Mapping[tuple[Axis, ...], str]) -> frozenset[tuple[Axis, ...]]:
    """The axes of the loops whose products are to have their operands swapped."""
    return frozenset(axes for axes, name in names.items() if point.get(f"swap_operands[{name}]"))


def _fused(program: Program, point: Point) -> frozenset[Loop]:
    """The loops inside of loops over tiles that are flattened."""
    return frozenset(
        op
        for grid, name in zip(program.grids, program.grid_names(), strict=True)
        if point.get(f"range_flattens[{name}]")
        for op in walk(grid.body)
        if isinstance(op, Loop)
    )


def _roles(program: Program, point: Point) -> WarpRoles | None:
    """What becomes of the ops where the point asks for warps that have roles; its space knows that they can."""
    loops = program.loop_names()
    if not loops or not point.get(f"range_warp_specializes[{loops[0]}]"):
        return None
    return warp_roles(program, {op.name for op in program.accesses()})


def _rewritten(program: Program, point: Point, flat: Sequence[bool]) -> Program:
    """``program`` with loops for the reductions that the point rolls, and without where a step is all there is, one
    axis for each grid that is ``flat``, epilogues in parts, and reductions outside the loops that need not hold them.
    """
    for number, axis in enumerate(program.whole_axes()):
        step = point.get(f"reduction_loops[whole_{number}]")
        if step is None:
            continue
        if _integer(step) < program.padded(axis.extent):
            program = roll_reductions(program, axis, _integer(step), number)
        else:
            program = repeat_passes(program, axis)
    for number, grid in enumerate(program.grids):
        if flat[number]:
            program = flatten_grid(program, number, _lanes(grid, point))
    program = _in_parts(program, point)
    threads = _WARP * _integer(point["num_warps"])
    return hoist_reductions(program, _lanes_of_sizes(program, point), threads)


def _grid_schedule(
    grid: Grid, point: Point, name: str, from_end: tuple[int, ...], *, flat: bool
) -> GridSchedule:
    axes = range(len(grid.axes))
    return GridSchedule(
        order=(0,) if flat else tuple(point.get(f"loop_orders[{name}]", axes)),
        from_end=from_end,
        l2_grouping=_integer(point.get(f"l2_groupings[{name}]", 1)),
        options=_options(point, name),
    )


def _access_mode(point: Point, op: Load | Store | Atomic, roles: WarpRoles | None) -> Any:
    if roles is not None and op in roles.described:
        return "tensor_descriptor"
    key = "atomic_indexing" if isinstance(op, Atomic) else "indexing"
    return point.get(f"{key}[{op.name}]", "pointer")


def _lanes(grid: Grid, point: Mapping[str, Any]) -> int:
    """The product of a grid's blocks."""
    blocks = [axis.block for axis in grid.axes if axis.block is not None]
    return math.prod(
        _integer(point[f"block_sizes[{block.name}]"]) if block.fixed is None else block.fixed
        for block in blocks
    )


def _block_sizes(program: Program, point: Point) -> dict[sympy.Symbol, int]:
    return {
        block.symbol: block.fixed
        if block.fixed is not None
        else _integer(point[f"block_sizes[{block.name}]"])
        for block in program.blocks
    }


def _in_parts(program: Program, point: Point) -> Program:
    """``program`` with its epilogues in as many parts as the point says."""
    parts = point.get("epilogue_subtile")
    if parts is None:
        return program
    return subtile_epilogues(program, _integer(parts), _lanes_of_sizes(program, point))


def _lanes_of_sizes(program: Program, point: Point) -> Callable[[Size], int]:
    """How many lanes a dimension of some size has at a point."""
    known: dict[Size, int] = {**_block_sizes(program, point)}
    least = least_lanes(program)

    def lanes(size: Size) -> int:
        if size in known:
            return known[size]
        if size in program.products:
            return math.prod(map(lanes, program.products[size]))
        number = size if isinstance(size, int) else size.xreplace(known)
        return max(program.padded(number), least.get(size, 1))

    return lanes


def _options(point: Mapping[str, Any], site: str) -> LoopOptions:
    return LoopOptions(
        unroll_factor=point.get(f"range_unroll_factors[{site}]", 0),
        num_stages=point.get(f"range_num_stages[{site}]", 0),
        multi_buffer=point.get(f"range_multi_buffers[{site}]"),
        flatten=point.get(f"range_flattens[{site}]"),
        static=point.get(f"static_ranges[{site}]", False),
    )


_HINTS = ("maxnreg", "waves_per_eu", "matrix_instr_nonkdim")
"""Keys that are options of ``triton.compile`` by the same name; nothing and 0 leave them out."""

_WARP = 32
"""Threads of a warp, at least."""

_POLICIES = {"": "", "first": "evict_first", "last": "evict_last"}
"""What a Config says of eviction, as Triton writes it."""


def _cache_hints(point: Mapping[str, Any], op: Load | Store) -> CacheHints:
    if isinstance(op, Store):
        return CacheHints(cache_modifier=point.get(f"store_cache_modifiers[{op.name}]", ""))
    return CacheHints(
        eviction_policy=op.eviction_policy
        or _POLICIES[point.get(f"load_eviction_policies[{op.name}]", "")],
        cache_modifier=point.get(f"load_cache_modifiers[{op.name}]", ""),
    )


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value
