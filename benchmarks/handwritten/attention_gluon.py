# mypy: disable-error-code="no-untyped-def,untyped-decorator"
"""Attention's forward pass for Hopper in Gluon: a warp that copies, and two groups of four warps that compute.

The idea is FlashAttention-3's (Shah et al., 2024, https://arxiv.org/abs/2407.08608), without the barriers by which its
groups pass the tensor cores to each other: they gained nothing here.
"""

from __future__ import annotations

from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import fence_async_shared, mbarrier

from benchmarks.handwritten.attention_across_tiles import attend_across_tiles, produce_across_tiles
from benchmarks.handwritten.attention_by_tile import attend_by_tile, produce_by_tile
from benchmarks.handwritten.gluon_parts import GROUPS, Q_SLOTS, ROWS

GROUP_REGISTERS = gl.constexpr(240)
"""A thread's in a group, where an even share would be 168."""
COPY_REGISTERS = gl.constexpr(24)


@gluon.jit
def attention_kernel(
    q_desc, k_desc, v_desc, o_desc, heads, length, tiles, scale,
    SLOTS: gl.constexpr, SECTION: gl.constexpr, CAUSAL: gl.constexpr, ACROSS: gl.constexpr,
):  # fmt: skip
    """Attention of bfloat16 tensors [heads, length, width]: ``scale`` holds log2(e). It is launched with four warps.

    No more programs than ``tiles``, of 128 queries of one head each; a program goes through several.
    """
    gl.static_assert(SLOTS >= 2, "a buffer is waited for before the one before it is given back")
    KEYS: gl.constexpr = k_desc.block_type.shape[1]
    WIDTH: gl.constexpr = k_desc.block_type.shape[2]
    QUERY_SLOTS: gl.constexpr = Q_SLOTS if ACROSS else gl.constexpr(1)
    BARRIER: gl.constexpr = mbarrier.MBarrierLayout()
    q_smem = gl.allocate_shared_memory(
        gl.bfloat16, [QUERY_SLOTS * GROUPS, 1, ROWS, WIDTH], q_desc.layout
    )
    o_smem = gl.allocate_shared_memory(gl.bfloat16, [GROUPS, 1, ROWS, WIDTH], o_desc.layout)
    k_smem = gl.allocate_shared_memory(gl.bfloat16, [SLOTS, 1, KEYS, WIDTH], k_desc.layout)
    v_smem = gl.allocate_shared_memory(gl.bfloat16, [SLOTS, 1, KEYS, WIDTH], v_desc.layout)
    q_ready = gl.allocate_shared_memory(gl.int64, [QUERY_SLOTS, 1], BARRIER)
    q_free = gl.allocate_shared_memory(gl.int64, [QUERY_SLOTS, 1], BARRIER)
    ready = gl.allocate_shared_memory(gl.int64, [SLOTS, 1], BARRIER)
    free = gl.allocate_shared_memory(gl.int64, [SLOTS, 1], BARRIER)
    for slot in gl.static_range(QUERY_SLOTS):
        mbarrier.init(q_ready.index(slot), count=1)
        mbarrier.init(q_free.index(slot), count=GROUPS)
    for slot in gl.static_range(SLOTS):
        mbarrier.init(ready.index(slot), count=1)
        mbarrier.init(free.index(slot), count=GROUPS)
    fence_async_shared()
    smem = (q_smem, o_smem, k_smem, v_smem)
    barriers = (ready, free, q_ready, q_free)
    sizes = (heads, length, tiles)
    descs = (q_desc, k_desc, v_desc)
    copied = (q_smem, k_smem, v_smem)
    # Constants stand in the calls: a name would make values of the device of them.
    if ACROSS:
        gl.warp_specialize(
            [
                (attend_across_tiles, (smem, barriers, o_desc, sizes, scale, 0, SLOTS, SECTION, CAUSAL, KEYS, WIDTH)),
                (attend_across_tiles, (smem, barriers, o_desc, sizes, scale, 1, SLOTS, SECTION, CAUSAL, KEYS, WIDTH)),
                (produce_across_tiles, (descs, copied, barriers, sizes, SLOTS, SECTION, CAUSAL, KEYS)),
            ],
            [4, 1],
            [GROUP_REGISTERS, COPY_REGISTERS],
        )  # fmt: skip
    else:
        gl.warp_specialize(
            [
                (attend_by_tile, (smem, barriers, o_desc, sizes, scale, 0, SLOTS, SECTION, CAUSAL, KEYS, WIDTH)),
                (attend_by_tile, (smem, barriers, o_desc, sizes, scale, 1, SLOTS, SECTION, CAUSAL, KEYS, WIDTH)),
                (produce_by_tile, (descs, copied, barriers, sizes, SLOTS, SECTION, CAUSAL, KEYS)),
            ],
            [4, 1],
            [GROUP_REGISTERS, COPY_REGISTERS],
        )  # fmt: skip
