"""A list of triton.Config, unchanged: chosen by time, checked, remembered per key, inputs and outputs left alone."""

import pytest
import torch
import triton
import triton.language as tl

import helion_autotune
from helion_autotune import Measurement

BLOCKS = []


def timer(fn, *, give_up_over_ms, before):
    """Bigger blocks are faster."""
    fn()
    return Measurement(1000.0 / BLOCKS[-1])


def note(arguments):
    BLOCKS.append(arguments["BLOCK"])


CONFIGS = [
    triton.Config({"BLOCK": block}, num_warps=warps, pre_hook=note)
    for block, warps in [(16, 2), (64, 4), (32, 4)]
]


@helion_autotune.autotune(configs=CONFIGS, key=["n"], measure=timer)
@triton.jit
def scale(x_ptr, out_ptr, n, factor, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(out_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * factor, mask=mask)


def launch(n, dtype=torch.float32):
    x = torch.randn(n, dtype=dtype)
    kept, out = x.clone(), torch.full_like(x, 7.0)
    scale[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, out, n, 2.0)
    assert torch.equal(x, kept)
    torch.testing.assert_close(out, x * 2.0)


launch(100)
assert [point["config"].split(",")[0] for point in scale.chosen.values()] == ["BLOCK: 64"]
calls = len(BLOCKS)
launch(100)
assert len(BLOCKS) == calls + 1, "tuned once, then one launch a call"
launch(200)
launch(100, torch.float64)
assert len(scale.chosen) == 3, "per value of the key and per dtype"

scale.fix(CONFIGS[0])
launch(100)
assert BLOCKS[-1] == 16

with pytest.raises(ValueError, match=r"\['BLOCK'\] are chosen by the tuner of scale"):
    scale[(1,)](torch.ones(4), torch.ones(4), 4, 2.0, BLOCK=8)
print("passed")
