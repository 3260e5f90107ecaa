# mypy: disable-error-code="no-untyped-def,untyped-decorator"
"""Attention's forward pass in Triton, its loop over keys given to Triton's own warp specialization (``SPECIALIZE``)."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _attend(
    q, k_desc, v_desc, acc, total, top, first_row, start_m, seen, scale,
    HIDE: tl.constexpr, SPECIALIZE: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    """The keys before ``seen`` of a head, whose rows start at ``first_row``."""
    for start_n in tl.range(0, seen, BLOCK_N, warp_specialize=SPECIALIZE):
        k = k_desc.load([first_row + start_n, 0])
        scores = tl.dot(q, k.T)
        if HIDE:
            query = start_m + tl.arange(0, BLOCK_M)[:, None]
            key = start_n + tl.arange(0, BLOCK_N)[None, :]
            scores = tl.where(key <= query, scores, -1.0e30)
        raised = tl.maximum(top, tl.max(scores, 1))
        weights = tl.exp2(scores * scale - (raised * scale)[:, None])
        worth = tl.exp2((top - raised) * scale)
        total = total * worth + tl.sum(weights, 1)
        acc = acc * worth[:, None]
        v = v_desc.load([first_row + start_n, 0])
        acc = tl.dot(weights.to(tl.bfloat16), v, acc)
        top = raised
    return acc, total


@triton.jit
def attention_kernel(
    q_desc, k_desc, v_desc, o_desc, length, scale,
    CAUSAL: tl.constexpr, SPECIALIZE: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    WIDTH: tl.constexpr,
):  # fmt: skip
    """Attention of tensors [heads * length, width], ``length`` a multiple of both blocks; ``scale`` holds log2(e)."""
    start_m = tl.program_id(0) * BLOCK_M
    first_row = tl.program_id(1) * length
    q = q_desc.load([first_row + start_m, 0])
    acc = tl.zeros([BLOCK_M, WIDTH], tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    top = tl.full([BLOCK_M], -1.0e30, tl.float32)
    # One loop, its mask everywhere: Triton 3.6 specializes no kernel of two.
    seen = start_m + BLOCK_M if CAUSAL else length
    acc, total = _attend(
        q, k_desc, v_desc, acc, total, top, first_row, start_m, seen, scale,
        CAUSAL, SPECIALIZE, BLOCK_M, BLOCK_N,
    )  # fmt: skip
    o_desc.store([first_row + start_m, 0], (acc / total[:, None]).to(tl.bfloat16))
