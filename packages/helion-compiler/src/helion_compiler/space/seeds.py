"""Where a search starts, and what runs without one: configs that a first look at the Program
suggests.

Rules of thumb from measurements on Hopper: matrix products want large blocks and several stages;
rows that are reduced want one program a row and enough warps; pointwise kernels want a few thousand
elements a program along the contiguous dimension.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

from helion_compiler.program.access import accessed_shape
from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.program.neighbours import Neighbours
from helion_compiler.program.ops import Dot, While
from helion_compiler.program.program import accesses
from helion_compiler.space.walking import walking_orders

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import torch

    from helion_compiler.program.ops import Access
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import BlockSize, Size

_DotShape: TypeAlias = "tuple[int, int, int, int, int, str]"
"""m, n, k, warps, stages, program ids."""

_DOT_SHAPES: tuple[_DotShape, ...] = (
    (128, 256, 64, 8, 3, "flat"),
    (128, 128, 64, 8, 4, "flat"),
    (128, 256, 64, 8, 4, "persistent_interleaved"),
    (128, 128, 64, 4, 4, "flat"),
    (64, 128, 64, 4, 4, "flat"),
    (64, 64, 64, 4, 4, "flat"),
    (16, 64, 128, 4, 4, "flat"),
)
_CHAINED_SHAPES: tuple[_DotShape, ...] = (
    (128, 64, 64, 4, 2, "flat"),
    (128, 128, 64, 8, 3, "flat"),
    (64, 64, 64, 4, 3, "flat"),
    (64, 128, 64, 4, 2, "flat"),
)
"""For products of products, as attention has: two programs of four warps share a multiprocessor, one multiplies while
the other computes; or one program of eight."""
_LANE_SHAPES: tuple[_DotShape, ...] = (
    (64, 64, 64, 4, 3, "flat"),
    (128, 128, 64, 8, 3, "flat"),
    (64, 128, 64, 8, 3, "flat"),
    (32, 64, 64, 4, 4, "flat"),
)
"""For products that lanes do: 32 to 64 sums a thread, and two programs or more on a multiprocessor."""
_STAGES_AHEAD = 3
"""With two, the loads of a turn have to wait for the turn before."""
_ENOUGH_PROGRAMS = 64
_COLUMNS = 16
_COLUMNS_STEP = 256
_COLUMNS_WARPS = 8
"""Lanes along memory and across it, and warps: 16 lanes a thread."""
_WALKING_WARPS = (16, 4)
_POINTWISE_ELEMENTS = (2048, 1024, 4096, 8192)
_WAITING_ELEMENTS = 64
"""Of a loop that ends when no lane of a program goes on: the fewer wait for each other, and one warp for no barrier."""
_WARPS_OF_ELEMENTS = ((_WAITING_ELEMENTS, 1), (2048, 4), (math.inf, 8))
"""Elements at most, and warps."""


def seeds(
    program: Program,
    low: Mapping[Size, int],
    rolled: Mapping[Size, str],
    by_lanes: Collection[torch.dtype] = (),
) -> tuple[dict[str, Any], ...]:
    """Points to start from, the default first; parameters left out are at their defaults. ``rolled`` says which
    parameter holds the step of the loop over a whole dimension, by its size; lanes do products of dtypes ``by_lanes``.
    """
    dots = [op for op in program.walk() if isinstance(op, Dot)]
    if dots:
        first = _CHAINED_SHAPES if _is_chain(dots) else ()
        if all(op.lhs.type.dtype in by_lanes for op in dots):
            first = (*_LANE_SHAPES, *first)
        shapes = [_dot_seed(program, dots, low, shape) for shape in (*first, *_DOT_SHAPES)]
        return tuple(sorted(shapes, key=lambda seed: _programs(program, seed) < _ENOUGH_PROGRAMS))
    contiguous = _contiguous(program, program.accesses())
    walks = _walking_seeds(program) if program.loops() else []
    rows = max((program.padded(axis.extent) for axis in program.whole_axes()), default=0)
    if rows:
        found = [_row_seed(program, rows, warps) for warps in _row_warps(rows)]
        found += _columns_seeds(program, contiguous, rolled)
    else:
        counts: tuple[int, ...] = _POINTWISE_ELEMENTS
        if any(isinstance(op, While) for op in program.walk()):
            counts = (_WAITING_ELEMENTS, *counts)
        found = [_pointwise_seed(program, contiguous, count) for count in counts]
    found += walks
    ahead = [seed | _ahead(program) for seed in found] if program.loops() else []
    return (*found, *ahead)


def _is_chain(dots: Sequence[Dot]) -> bool:
    """Whether what one product has as columns, another one sums over."""
    depths = {dot.sizes[1] for dot in dots}
    return any(dot.sizes[2] in depths and not isinstance(dot.sizes[2], int) for dot in dots)


def _programs(program: Program, seed: Mapping[str, Any]) -> int:
    """How many tiles the first grid has: those seeds come first that give every multiprocessor work."""
    count = 1
    for axis in program.grids[0].axes:
        extent = max(program.example(axis.extent), 1)
        block = axis.block
        size = 1 if block is None else block.fixed or seed[f"block_sizes[{block.name}]"]
        count *= math.ceil(extent / size)
    return count


def _dot_seed(
    program: Program, dots: Sequence[Dot], low: Mapping[Size, int], shape: _DotShape
) -> dict[str, Any]:
    m, n, k, warps, stages, program_ids = shape
    wanted: dict[Size, int] = {}
    for dot in dots:
        rows, depth, columns = dot.sizes
        wanted.setdefault(rows, m)
        wanted.setdefault(columns, n)
        wanted.setdefault(depth, k // 2 if dot.lhs.type.dtype.itemsize >= 4 else k)
    seed: dict[str, Any] = {"num_warps": warps}
    if program.barrier is None:
        seed["pid_type"] = program_ids
    for block in program.blocks:
        if block.fixed is None:
            size = wanted.get(block.symbol, 1)
            key = f"block_sizes[{block.name}]"  # of several loops inside each other, perhaps
            seed[key] = max(seed.get(key, 1), _clamp(size, low.get(block.symbol, 1), block))
    if program.loops():
        seed["num_stages"] = stages
    for grid, name in zip(program.grids, program.grid_names(), strict=True):
        if len(grid.axes) > 1:
            seed[f"l2_groupings[{name}]"] = 8
    return seed


def _row_warps(rows: int) -> tuple[int, ...]:
    best = min(max(rows // 1024, 1), 32)
    best = 1 << (best.bit_length() - 1)
    around = (max(best, 4), best, best * 2, best // 2)
    return tuple(dict.fromkeys(warps for warps in around if 1 <= warps <= 32))


def _row_seed(program: Program, rows: int, warps: int) -> dict[str, Any]:
    seed: dict[str, Any] = {"num_warps": warps}
    share = max(2048 // max(rows, 1), 1)
    for block in _blocks_along_memory(program):
        if block.fixed is None:
            seed[f"block_sizes[{block.name}]"] = _clamp(share, 1, block)
            share = 1
    return seed


def _columns_seeds(
    program: Program, contiguous: Mapping[Size, int], rolled: Mapping[Size, str]
) -> list[dict[str, Any]]:
    """Rows that lie across memory: a vector of them for each of a few threads, a part of each at once. No single step
    leads there from whole rows, of which few fit registers.
    """
    along = max(contiguous, key=lambda size: contiguous[size], default=1)
    steps = {
        rolled[axis.size]: _COLUMNS_STEP
        for axis in program.whole_axes()
        if axis.size in rolled and program.example(axis.extent) > _COLUMNS_STEP
    }
    beside = [block for block in program.blocks if block.symbol == along and block.fixed is None]
    if not steps or not beside:
        return []
    sizes = {f"block_sizes[{block.name}]": _clamp(_COLUMNS, 1, block) for block in beside}
    return [{"num_warps": _COLUMNS_WARPS, **sizes, **steps}]


def _blocks_along_memory(program: Program) -> list[BlockSize]:
    """The blocks, those of the axes with the smallest steps in memory first: their rows lie beside each other."""
    orders = walking_orders(program)
    beside = {
        grid.axes[orders[name][0]].block
        for grid, name in zip(program.grids, program.grid_names(), strict=True)
        if orders.get(name)
    }
    return sorted(program.blocks, key=lambda block: block not in beside)


def _pointwise_seed(
    program: Program, contiguous: Mapping[Size, int], elements: int
) -> dict[str, Any]:
    """Give the lanes to the dimension that is contiguous in memory, what is left to the next."""
    warps = next(warps for most, warps in _WARPS_OF_ELEMENTS if elements <= most)
    seed: dict[str, Any] = {"num_warps": warps}
    free = [block for block in program.blocks if block.fixed is None]
    for block in sorted(free, key=lambda block: -contiguous[block.symbol]):
        size = _clamp(elements, 1, block)
        seed[f"block_sizes[{block.name}]"] = size
        elements = max(elements // size, 1)
    return seed


def _walking_seeds(program: Program) -> list[dict[str, Any]]:
    """With many and with few warps. What loops move decides, not what is read once, such as where items begin."""
    moved = {op for loop in program.loops() for op in accesses(loop.body)}
    contiguous = _contiguous(program, moved)
    return [_walking_seed(program, contiguous, warps) for warps in _WALKING_WARPS]


def _walking_seed(program: Program, contiguous: Mapping[Size, int], warps: int) -> dict[str, Any]:
    """One index a program, and what is contiguous in memory in warps' widths; loops take a few indices a turn, the more
    the more warps there are. Many warps leave nothing to wait for, so that the few steps of a row need no pipeline.
    """
    loops = {axis.size for loop in program.loops() for axis in loop.axes}
    seed: dict[str, Any] = {"num_warps": warps}
    if warps == max(_WALKING_WARPS):
        seed["num_stages"] = 1
    for block in program.blocks:
        if block.fixed is None:
            rows = 4 * warps if block.symbol in loops else 1
            size = (128 if contiguous[block.symbol] else 1) * rows
            seed[f"block_sizes[{block.name}]"] = _clamp(min(size, 128), 1, block)
    return seed


def _ahead(program: Program) -> dict[str, int]:
    """Loops that load what their next turns need: Triton pipelines loops without products only where they say so."""
    return {f"range_num_stages[{name}]": _STAGES_AHEAD for name in program.loop_names()}


def _contiguous(program: Program, moved: Iterable[Access]) -> Mapping[Size, int]:
    """How many bytes some accesses move that lie side by side in memory along a tile, by the tile's size."""
    neighbours = Neighbours(program)
    found: Counter[Size] = Counter()
    for op in moved:
        shape = accessed_shape(op.subscripts, op.addresses)
        found[neighbours.of(op)] += (
            math.prod(map(program.example, shape)) * op.buffer.dtype.itemsize
        )
    return found


def _clamp(size: int, low: int, block: BlockSize) -> int:
    high = max(next_power_of_two(block.size_hint), low)
    if block.high is not None:
        high = min(high, block.high)
    return max(min(size, high), low, block.low or 1)
