"""A lock file to commit: written by tuning, enough for a frozen run, which says what it misses."""

import sys
from pathlib import Path

import pytest
import torch
import triton
import triton.language as tl

import helion_autotune
from helion_autotune import LockFile, Measurement, NotTunedError, PowerOfTwo, Space

SPACE = Space({"BLOCK": PowerOfTwo(16, 64)})
LOCK = Path(sys.argv[1]) / "tuned.lock.json"
USED = []


@triton.heuristics({"EVEN": lambda args: USED.append(args["BLOCK"]) or False})
@triton.jit
def negate(x_ptr, out_ptr, n, BLOCK: tl.constexpr, EVEN: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(out_ptr + offsets, -tl.load(x_ptr + offsets, mask=mask), mask=mask)


def launch(kernel, n=64):
    x = torch.randn(n)
    out = torch.empty_like(x)
    kernel[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, out, n)
    torch.testing.assert_close(out, -x)
    return USED[-1]


def timer(fn, *, give_up_over_ms, before):
    fn()
    return Measurement(100.0 / USED[-1])


frozen = helion_autotune.autotune(SPACE, key=["n"], lock=LOCK, frozen=True)(negate)
with pytest.raises(
    NotTunedError, match=r"has no entry for negate under .* it has no entry for negate"
):
    launch(frozen)
assert not LOCK.exists()

tuned = helion_autotune.autotune(SPACE, key=["n"], lock=LOCK, measure=timer)(negate)
assert launch(tuned) == 64
(entry,) = LockFile(LOCK).results("negate")
assert entry.point["BLOCK"] == 64

assert launch(frozen) == 64
with pytest.raises(
    NotTunedError, match=r"another entry for negate; its nearest entry differs in values"
):
    launch(frozen, n=48)
LOCK.write_text(LOCK.read_text().replace('"BLOCK": 64', '"BLOCK": 32'))  # people may edit it
later = helion_autotune.autotune(SPACE, key=["n"], lock=LOCK)(negate)
assert launch(later) == 32
print("passed")
