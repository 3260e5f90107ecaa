# mypy: disable-error-code="no-untyped-def,untyped-decorator"
"""A copying warp and warp groups that go on across tiles, whose first keys are used with the last values before them.

A tile's blocks are counted anew in its turn, not carried from turn to turn: Triton 3.6 and 3.7 take a number for unused
that only bounds an inner loop, and keep its first value.
"""

from __future__ import annotations

from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import mbarrier, tma, warpgroup_mma_wait

from benchmarks.handwritten.gluon_parts import (
    GROUPS,
    Q_SLOTS,
    ROWS,
    add_values,
    advance,
    begin_turn,
    copy_block,
    copy_pair,
    copy_queries,
    end_turn,
    first_block,
    first_softmax,
    hide,
    masked_blocks,
    operand,
    softmax,
    store,
    tile_of,
    tiles_of_program,
)


@gluon.jit
def produce_across_tiles(
    descs, smem, barriers, sizes,
    SLOTS: gl.constexpr, SECTION: gl.constexpr, CAUSAL: gl.constexpr, KEYS: gl.constexpr,
):  # fmt: skip
    """The copying warp: queries of each tile, and its blocks of keys and values, last block first."""
    q_desc, k_desc, v_desc = descs
    q_smem, k_smem, v_smem = smem
    ready, free, q_ready, q_free = barriers
    tiles = tiles_of_program(sizes)
    head, start, blocks = tile_of(0, sizes, KEYS, SECTION, CAUSAL)
    copy_queries(q_desc, q_smem, q_ready, q_free, 0, 1, head, start)
    copy_block(k_desc, k_smem, ready, free, 0, 1, head, (blocks - 1) * KEYS)
    slot, phase = advance(0, 1, SLOTS)
    q_slot, q_phase = advance(0, 1, Q_SLOTS)
    for turn in range(1, tiles + 1):
        head, start, blocks = tile_of(turn - 1, sizes, KEYS, SECTION, CAUSAL)
        for block in range(blocks - 1, 0, -1):
            copy_pair(
                descs, smem, ready, free, slot, phase, head, (block - 1) * KEYS, head, block * KEYS
            )
            slot, phase = advance(slot, phase, SLOTS)
        if turn < tiles:
            k_head, k_start, k_blocks = tile_of(turn, sizes, KEYS, SECTION, CAUSAL)
            copy_queries(q_desc, q_smem, q_ready, q_free, q_slot, q_phase, k_head, k_start)
            q_slot, q_phase = advance(q_slot, q_phase, Q_SLOTS)
            copy_pair(descs, smem, ready, free, slot, phase, k_head, (k_blocks - 1) * KEYS, head, 0)
            slot, phase = advance(slot, phase, SLOTS)
    head, start, blocks = tile_of(tiles - 1, sizes, KEYS, SECTION, CAUSAL)
    copy_block(v_desc, v_smem, ready, free, slot, phase, head, 0)


@gluon.jit
def attend_across_tiles(
    smem, barriers, o_desc, sizes, scale,
    GROUP: gl.constexpr, SLOTS: gl.constexpr, SECTION: gl.constexpr, CAUSAL: gl.constexpr,
    KEYS: gl.constexpr, WIDTH: gl.constexpr,
):  # fmt: skip
    """A warp group: ``ROWS`` queries of each tile, from their scores to their results."""
    q_smem, o_smem, k_smem, v_smem = smem
    ready, free, q_ready, q_free = barriers
    _, length, _ = sizes
    S_LAYOUT: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, KEYS, 16])
    O_LAYOUT: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, WIDTH, 16])
    O_ROWS: gl.constexpr = gl.SliceLayout(1, O_LAYOUT)
    MASKED: gl.constexpr = masked_blocks(KEYS, CAUSAL)
    tiles = tiles_of_program(sizes)
    head, start, blocks = tile_of(0, sizes, KEYS, SECTION, CAUSAL)
    out = gl.zeros([ROWS, WIDTH], gl.float32, O_LAYOUT)
    mbarrier.wait(q_ready.index(0), 0)
    newer, top, total = first_block(
        q_smem, k_smem, ready, free, 0, 0, start + GROUP * ROWS, blocks, length, scale,
        GROUP, CAUSAL, KEYS, WIDTH, S_LAYOUT,
    )  # fmt: skip
    weights = operand(newer, O_LAYOUT)
    slot, phase = advance(0, 0, SLOTS)
    q_slot, q_phase = 0, 0
    mbarrier.wait(ready.index(slot), phase)
    for turn in range(1, tiles + 1):
        head, start, blocks = tile_of(turn - 1, sizes, KEYS, SECTION, CAUSAL)
        row = start + GROUP * ROWS
        place = q_slot * GROUPS + GROUP
        for block in range(blocks - 2, -1, -1):
            scores, pending = begin_turn(
                q_smem, place, k_smem, v_smem, slot, weights, out, KEYS, WIDTH, S_LAYOUT
            )
            if MASKED > 1:  # the one is known when this is compiled, the other when it runs
                if block > blocks - 1 - MASKED:
                    scores = hide(scores, row, block * KEYS, length, S_LAYOUT, CAUSAL)
            newer, top, total, worth = softmax(scores, top, total, scale)
            out, slot, phase = end_turn(ready, free, slot, phase, pending, SLOTS)
            weights = operand(newer, O_LAYOUT)
            out = out * gl.convert_layout(worth, O_ROWS)[:, None]
        mbarrier.arrive(q_free.index(q_slot), count=1)
        if turn < tiles:
            _, start, blocks = tile_of(turn, sizes, KEYS, SECTION, CAUSAL)
            first = (blocks - 1) * KEYS
            q_slot, q_phase = advance(q_slot, q_phase, Q_SLOTS)
            mbarrier.wait(q_ready.index(q_slot), q_phase)
            place = q_slot * GROUPS + GROUP
            scores, pending = begin_turn(
                q_smem, place, k_smem, v_smem, slot, weights, out, KEYS, WIDTH, S_LAYOUT
            )
            scores = hide(scores, start + GROUP * ROWS, first, length, S_LAYOUT, CAUSAL)
            newer, top, newer_total = first_softmax(scores, scale)
            out, slot, phase = end_turn(ready, free, slot, phase, pending, SLOTS)
            weights = operand(newer, O_LAYOUT)
            store(o_desc, o_smem.index(GROUP), out, total, head, row, WIDTH, O_LAYOUT)
            total = newer_total
            out = gl.zeros([ROWS, WIDTH], gl.float32, O_LAYOUT)
    head, start, blocks = tile_of(tiles - 1, sizes, KEYS, SECTION, CAUSAL)
    out = add_values(out, weights, v_smem, slot, KEYS, WIDTH)
    out = warpgroup_mma_wait(0, deps=[out])
    row = start + GROUP * ROWS
    store(o_desc, o_smem.index(GROUP), out, total, head, row, WIDTH, O_LAYOUT)
    tma.store_wait(0)
