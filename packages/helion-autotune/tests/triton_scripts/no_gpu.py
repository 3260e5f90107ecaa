"""Without a GPU nothing is timed: one config runs, a stored result runs, anything else is refused with ways out."""

import sys
from pathlib import Path

import pytest
import torch
import triton
import triton.language as tl

import helion_autotune
from helion_autotune import Measurement, PowerOfTwo, Records, Space, TimesMeanNothingError

SPACE = Space({"BLOCK": PowerOfTwo(16, 64)})
RECORDS = Path(sys.argv[1]) / "r.jsonl"
USED = []


@triton.heuristics(
    {"EVEN": lambda args: USED.append(args["BLOCK"]) or args["n"] % args["BLOCK"] == 0}
)
@triton.jit
def negate(x_ptr, out_ptr, n, BLOCK: tl.constexpr, EVEN: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    if EVEN:
        tl.store(out_ptr + offsets, -tl.load(x_ptr + offsets))
    else:
        mask = offsets < n
        tl.store(out_ptr + offsets, -tl.load(x_ptr + offsets, mask=mask), mask=mask)


def launch(kernel, n=64):
    x = torch.randn(n)
    out = torch.empty_like(x)
    kernel[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, out, n)
    torch.testing.assert_close(out, -x)
    return USED[-1]


one = helion_autotune.autotune([triton.Config({"BLOCK": 32})], key=["n"])(negate)
assert launch(one) == 32

several = helion_autotune.autotune(SPACE, key=["n"], records=RECORDS)(negate)
with pytest.raises(TimesMeanNothingError) as caught:
    launch(several)
for part in ("negate has 3 configs", "times mean nothing", "negate.fix(config)", "records=PATH"):
    assert part in str(caught.value)
several.fix({"BLOCK": 16})
assert launch(several) == 16
with pytest.raises(ValueError, match="17 is not a power of two"):
    several.fix({"BLOCK": 17})


def timer(fn, *, give_up_over_ms, before):
    fn()
    return Measurement(100.0 / USED[-1])


tuned = helion_autotune.autotune(SPACE, key=["n"], records=RECORDS, measure=timer)(negate)
assert launch(tuned) == 64
stored = list(Records(RECORDS).results())
assert len(stored) == 1

# A later process has no timer, and a result that was tuned on some GPU with another version of Triton.
on_a_gpu = stored[0].key.replace('"device": null', '"device": "NVIDIA H200"')
assert on_a_gpu != stored[0].key
elsewhere = RECORDS.with_name("gpu.jsonl")
Records(elsewhere).add_result(stored[0].fingerprint, on_a_gpu, stored[0].result)
for path in (RECORDS, elsewhere):
    later = helion_autotune.autotune(SPACE, key=["n"], records=path)(negate)
    assert launch(later) == 64
    with pytest.raises(TimesMeanNothingError):  # a result for another key is none for this one
        launch(later, n=48)
print("passed")
