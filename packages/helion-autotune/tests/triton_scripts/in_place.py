"""Kernels that update in place or accumulate: inputs are restored or zeroed before every launch that is judged."""

import pytest
import torch
import triton
import triton.language as tl

import helion_autotune
from helion_autotune import Measurement, PowerOfTwo, Space

SPACE = Space({"BLOCK": PowerOfTwo(16, 64), "num_warps": PowerOfTwo(1, 2)})


def timer(fn, *, give_up_over_ms, before):
    for _ in range(3):
        if before is not None:
            before()
        fn()
    return Measurement(1.0)


@triton.jit
def increment(x_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(x_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) + 1, mask=mask)


@triton.jit
def total(x_ptr, sum_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n, other=0.0)
    tl.atomic_add(sum_ptr, tl.sum(x))


def grid(meta):
    return (triton.cdiv(meta["n"], meta["BLOCK"]),)


for options in (
    {"restore_value": ["x_ptr"]},
    {},
):  # declared or not, the caller's tensor is updated once
    x = torch.arange(100, dtype=torch.float32)
    helion_autotune.autotune(SPACE, measure=timer, **options)(increment)[grid](x, 100)
    torch.testing.assert_close(x, torch.arange(100, dtype=torch.float32) + 1)

x, result = torch.ones(100), torch.zeros(1)
tuned = helion_autotune.autotune(SPACE, key=["n"], reset_to_zero=["sum_ptr"], measure=timer)(total)
tuned[grid](x, result, 100)
assert result.item() == 100
tuned[grid](x, result, 100)
assert result.item() == 200, "a launch that does not tune is left alone"

for wrong in ({"restore_value": ["n"]}, {"reset_to_zero": ["y"]}, {"key": ["m"]}):
    (name,) = next(iter(wrong.values()))
    with pytest.raises(ValueError, match=f"'{name}'"):
        helion_autotune.autotune(SPACE, measure=timer, **wrong)(total)[grid](x, result, 100)
with pytest.raises(ValueError, match=r"\['BLOK'\] are neither arguments of total"):
    helion_autotune.autotune(Space({"BLOK": PowerOfTwo(1, 2)}))(total)
with pytest.raises(TypeError, match="a list of argument names"):
    helion_autotune.autotune(SPACE, key="n")
print("passed")
