"""A hand-written kernel tuned by ``helion_autotune.autotune``, with configs that harm whoever runs them."""

from __future__ import annotations

import triton
import triton.language as tl

import helion_autotune

CONFIGS = [
    triton.Config({"BLOCK": block, "FAULT": fault}, num_warps=4)
    for block in (128, 256, 1024)
    for fault in ("none", "illegal access", "wrong")
]


@helion_autotune.autotune(configs=CONFIGS, key=["n"])
@triton.jit
def scaled(x, out, n, factor, BLOCK: tl.constexpr, FAULT: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=at < n)
    if FAULT == "illegal access":
        tl.store(out + (at.to(tl.int64) + (1 << 44)), value)
    if FAULT == "wrong":
        value += 1
    tl.store(out + at, value * factor, mask=at < n)
