# mypy: disable-error-code="no-untyped-def,untyped-decorator"
"""What attention in Gluon is made of, whether it ends with each tile or goes on across them.

A group has 64 queries of a tile. A *turn* of its loop issues the product of its queries with the next keys, then that
of the last weights with their values, and computes the softmax of the first while the tensor cores are busy with the
second, and with the products of the other group. Keys of a block and values of the block that came before it are used
in one turn, so they share a buffer of a ring, and its two barriers: ``ready`` to be used, and ``free`` to be filled.
"""

from __future__ import annotations

import math

import triton.language as tl
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import (
    fence_async_shared,
    mbarrier,
    tma,
    warpgroup_mma,
    warpgroup_mma_wait,
)

GROUPS = gl.constexpr(2)
"""Warp groups that compute, of four warps each."""
ROWS = gl.constexpr(64)
"""Queries of a warp group: what one of its matrix instructions takes."""
QUERIES = gl.constexpr(128)
"""Those of a tile."""
Q_SLOTS = gl.constexpr(2)
"""Buffers of queries where those of the next tile are copied while this one is computed."""
HIDDEN = gl.constexpr(-(2.0**100))
"""A hidden score. Finite, so that a row of which a whole block is hidden has a maximum to subtract, and a power of two,
so that this difference is 0 where a multiply-add rounds the one product and not the other."""


@gluon.constexpr_function
def masked_blocks(keys, causal):
    """How many of a tile's last blocks of keys may have hidden scores."""
    queries = QUERIES.value
    return -(-(queries + keys - math.gcd(queries, keys)) // keys) if causal else 1


@gluon.jit
def advance(slot, phase, SLOTS: gl.constexpr):
    """The next buffer of a ring, and the phase that its barriers are in."""
    slot += 1
    turned = slot == SLOTS
    return gl.where(turned, 0, slot), gl.where(turned, phase ^ 1, phase)


@gluon.jit
def tile_of(turn, sizes, KEYS: gl.constexpr, SECTION: gl.constexpr, CAUSAL: gl.constexpr):
    """The head, first query and number of blocks of keys of a program's tile.

    Causal tiles of ``SECTION`` heads at a time come longest first, others as they lie.
    """
    heads, length, _ = sizes
    index = turn * gl.num_programs(0) + gl.program_id(0)
    of_head = gl.cdiv(length, QUERIES)
    head = index // of_head
    start = index % of_head * QUERIES
    end = length
    if CAUSAL:
        first = index // (of_head * SECTION) * SECTION
        within = index % (of_head * SECTION)
        here = gl.minimum(heads - first, SECTION)
        head = first + within % here
        start = (of_head - 1 - within // here) * QUERIES
        end = gl.minimum(start + QUERIES, length)
    return head, start, gl.cdiv(end, KEYS)


@gluon.jit
def tiles_of_program(sizes):
    """How many tiles a program has: at least one."""
    _, _, tiles = sizes
    return gl.cdiv(tiles - gl.program_id(0), gl.num_programs(0))


@gluon.jit
def hide(scores, first_query, first_key, length, LAYOUT: gl.constexpr, CAUSAL: gl.constexpr):
    """Scores without those of keys after the query, or after the end."""
    KEYS: gl.constexpr = scores.shape[1]
    key = first_key + gl.arange(0, KEYS, gl.SliceLayout(0, LAYOUT))[None, :]
    last = length - 1
    if CAUSAL:
        last = first_query + gl.arange(0, ROWS, gl.SliceLayout(1, LAYOUT))[:, None]
    return gl.where(key <= last, scores, HIDDEN)


@gluon.jit
def scores_of(
    q_smem, place, k_smem, slot, KEYS: gl.constexpr, WIDTH: gl.constexpr, LAYOUT: gl.constexpr
):
    """The product of queries and keys, issued."""
    queries = q_smem.index(place).reshape([ROWS, WIDTH])
    keys = k_smem.index(slot).reshape([KEYS, WIDTH]).permute([1, 0])
    none = gl.zeros([ROWS, KEYS], gl.float32, LAYOUT)
    return warpgroup_mma(queries, keys, none, use_acc=False, is_async=True)


@gluon.jit
def add_values(out, weights, v_smem, slot, KEYS: gl.constexpr, WIDTH: gl.constexpr):
    """The product of weights and values added to ``out``, issued."""
    values = v_smem.index(slot).reshape([KEYS, WIDTH])
    return warpgroup_mma(weights, values, out, is_async=True)


@gluon.jit
def operand(weights, LAYOUT: gl.constexpr):
    """Weights as a product takes them: the same registers, half as many."""
    return gl.convert_layout(weights.to(gl.bfloat16), gl.DotOperandLayout(0, LAYOUT, 2))


@gluon.jit
def first_softmax(scores, scale):
    """Weights of a tile's first block, with maximum and sum of each row."""
    top = gl.max(scores, 1)
    weights = gl.exp2(scores * scale - (top * scale)[:, None])
    return weights, top, gl.sum(weights, 1)


@gluon.jit
def first_block(
    q_smem, k_smem, ready, free, slot, phase, row, blocks, length, scale,
    GROUP: gl.constexpr, CAUSAL: gl.constexpr, KEYS: gl.constexpr, WIDTH: gl.constexpr, LAYOUT: gl.constexpr,
):  # fmt: skip
    """A tile's first block by itself: its weights, with maximum and sum of each row."""
    mbarrier.wait(ready.index(slot), phase)
    scores = scores_of(q_smem, GROUP, k_smem, slot, KEYS, WIDTH, LAYOUT)
    scores = warpgroup_mma_wait(0, deps=[scores])
    mbarrier.arrive(free.index(slot), count=1)
    scores = hide(scores, row, (blocks - 1) * KEYS, length, LAYOUT, CAUSAL)
    return first_softmax(scores, scale)


@gluon.jit
def softmax(scores, top, total, scale):
    """Weights of a block, with the new maximum and sum of each row, and what earlier ones are worth now."""
    raised = gl.maximum(top, gl.max(scores, 1))
    worth = gl.exp2((top - raised) * scale)
    weights = gl.exp2(scores * scale - (raised * scale)[:, None])
    return weights, raised, total * worth + gl.sum(weights, 1), worth


@gluon.jit
def begin_turn(
    q_smem, place, k_smem, v_smem, slot, weights, out,
    KEYS: gl.constexpr, WIDTH: gl.constexpr, LAYOUT: gl.constexpr,
):  # fmt: skip
    """Issue both products of a turn; the scores, waited for, and ``out``, not waited for."""
    tl.debug_barrier()  # Triton would put two later ones otherwise
    scores = scores_of(q_smem, place, k_smem, slot, KEYS, WIDTH, LAYOUT)
    out = add_values(out, weights, v_smem, slot, KEYS, WIDTH)
    return warpgroup_mma_wait(1, deps=[scores]), out


@gluon.jit
def end_turn(ready, free, slot, phase, out, SLOTS: gl.constexpr):
    """Wait for what the next turn needs, and for ``out``, and give back what this turn used."""
    used = slot
    slot, phase = advance(slot, phase, SLOTS)
    # The branch of this wait keeps ptxas from moving the next one to before the softmax.
    mbarrier.wait(ready.index(slot), phase)
    out = warpgroup_mma_wait(0, deps=[out])
    mbarrier.arrive(free.index(used), count=1)
    return out, slot, phase


@gluon.jit
def store(o_desc, staging, out, total, head, row, WIDTH: gl.constexpr, LAYOUT: gl.constexpr):
    """Have results copied to memory, from shared memory that the copy before has left."""
    out = out * gl.convert_layout(1.0 / total, gl.SliceLayout(1, LAYOUT))[:, None]
    tma.store_wait(0)
    staging.reshape([ROWS, WIDTH]).store(out.to(gl.bfloat16))
    fence_async_shared()
    tma.async_copy_shared_to_global(o_desc, [head, row, 0], staging)


@gluon.jit
def copy_queries(q_desc, q_smem, q_ready, q_free, slot, phase, head, start):
    """Have the queries of a tile copied."""
    mbarrier.wait(q_free.index(slot), phase)
    mbarrier.expect(q_ready.index(slot), q_desc.block_type.nbytes * GROUPS)
    for group in gl.static_range(GROUPS):
        target = q_smem.index(slot * GROUPS + group)
        tma.async_copy_global_to_shared(
            q_desc, [head, start + group * ROWS, 0], q_ready.index(slot), target
        )


@gluon.jit
def copy_block(desc, smem, ready, free, slot, phase, head, row):
    """Have keys or values alone copied."""
    mbarrier.wait(free.index(slot), phase)
    mbarrier.expect(ready.index(slot), desc.block_type.nbytes)
    tma.async_copy_global_to_shared(desc, [head, row, 0], ready.index(slot), smem.index(slot))


@gluon.jit
def copy_pair(descs, smem, ready, free, slot, phase, k_head, k_row, v_head, v_row):
    """Have keys and values of one turn copied."""
    _, k_desc, v_desc = descs
    _, k_smem, v_smem = smem
    here = ready.index(slot)
    mbarrier.wait(free.index(slot), phase)
    mbarrier.expect(here, k_desc.block_type.nbytes + v_desc.block_type.nbytes)
    tma.async_copy_global_to_shared(k_desc, [k_head, k_row, 0], here, k_smem.index(slot))
    tma.async_copy_global_to_shared(v_desc, [v_head, v_row, 0], here, v_smem.index(slot))
