# mypy: disable-error-code="no-untyped-def,untyped-decorator"
"""A copying warp and warp groups that end with each tile: the next one's products begin when its results are stored."""

from __future__ import annotations

from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import mbarrier, tma, warpgroup_mma_wait

from benchmarks.handwritten.gluon_parts import (
    ROWS,
    add_values,
    advance,
    begin_turn,
    copy_block,
    copy_pair,
    copy_queries,
    end_turn,
    first_block,
    hide,
    masked_blocks,
    operand,
    softmax,
    store,
    tile_of,
    tiles_of_program,
)


@gluon.jit
def produce_by_tile(
    descs, smem, barriers, sizes,
    SLOTS: gl.constexpr, SECTION: gl.constexpr, CAUSAL: gl.constexpr, KEYS: gl.constexpr,
):  # fmt: skip
    """The copying warp: queries of each tile, and its blocks of keys and values, last block first."""
    q_desc, k_desc, v_desc = descs
    q_smem, k_smem, v_smem = smem
    ready, free, q_ready, q_free = barriers
    slot, phase, q_phase = 0, 1, 1
    for turn in range(tiles_of_program(sizes)):
        head, start, blocks = tile_of(turn, sizes, KEYS, SECTION, CAUSAL)
        copy_block(k_desc, k_smem, ready, free, slot, phase, head, (blocks - 1) * KEYS)
        slot, phase = advance(slot, phase, SLOTS)
        copy_queries(q_desc, q_smem, q_ready, q_free, 0, q_phase, head, start)
        q_phase ^= 1
        for block in range(blocks - 1, 0, -1):
            copy_pair(
                descs, smem, ready, free, slot, phase, head, (block - 1) * KEYS, head, block * KEYS
            )
            slot, phase = advance(slot, phase, SLOTS)
        copy_block(v_desc, v_smem, ready, free, slot, phase, head, 0)
        slot, phase = advance(slot, phase, SLOTS)


@gluon.jit
def attend_by_tile(
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
    slot, phase, q_phase = 0, 0, 0
    for turn in range(tiles_of_program(sizes)):
        head, start, blocks = tile_of(turn, sizes, KEYS, SECTION, CAUSAL)
        row = start + GROUP * ROWS
        out = gl.zeros([ROWS, WIDTH], gl.float32, O_LAYOUT)
        mbarrier.wait(q_ready.index(0), q_phase)
        q_phase ^= 1
        newer, top, total = first_block(
            q_smem, k_smem, ready, free, slot, phase, row, blocks, length, scale,
            GROUP, CAUSAL, KEYS, WIDTH, S_LAYOUT,
        )  # fmt: skip
        slot, phase = advance(slot, phase, SLOTS)
        weights = operand(newer, O_LAYOUT)
        mbarrier.wait(ready.index(slot), phase)
        for block in range(blocks - 2, -1, -1):
            scores, pending = begin_turn(
                q_smem, GROUP, k_smem, v_smem, slot, weights, out, KEYS, WIDTH, S_LAYOUT
            )
            if MASKED > 1:  # the one is known when this is compiled, the other when it runs
                if block > blocks - 1 - MASKED:
                    scores = hide(scores, row, block * KEYS, length, S_LAYOUT, CAUSAL)
            newer, top, total, worth = softmax(scores, top, total, scale)
            out, slot, phase = end_turn(ready, free, slot, phase, pending, SLOTS)
            weights = operand(newer, O_LAYOUT)
            out = out * gl.convert_layout(worth, O_ROWS)[:, None]
        mbarrier.arrive(q_free.index(0), count=1)
        out = add_values(out, weights, v_smem, slot, KEYS, WIDTH)
        out = warpgroup_mma_wait(0, deps=[out])
        mbarrier.arrive(free.index(slot), count=1)
        slot, phase = advance(slot, phase, SLOTS)
        store(o_desc, o_smem.index(GROUP), out, total, head, row, WIDTH, O_LAYOUT)
    tma.store_wait(0)
