"""The worked example computes a product, whatever its config; its space and pruning are what they say."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from helion_autotune import Measurement, TimesMeanNothingError
from helion_autotune.triton_kernels.isolated import path_of

path = Path(__file__).parents[2] / "examples" / "hand_written_matmul.py"
spec = importlib.util.spec_from_file_location("hand_written_matmul", path)
example = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)

assert example.SPACE.check(example.SPACE.default) == []
assert 1000 < example.SPACE.size.count < 20000
a, b = torch.randn(70, 40), torch.randn(40, 50)


def check(kernel):
    torch.testing.assert_close(example.matmul(kernel, a, b), a @ b, rtol=1e-3, atol=1e-3)


kernel = example.after()
with pytest.raises(TimesMeanNothingError):
    check(kernel)
for blocks in ((64, 32, 16, 1), (32, 64, 64, 2)):
    kernel.fix(dict(zip(("BLOCK_M", "BLOCK_N", "BLOCK_K", "GROUP"), blocks, strict=True)))
    check(kernel)

few = {"BLOCK_M": 128, "BLOCK_N": 64, "BLOCK_K": 64}
assert not example.too_large(few, {"M": 70, "N": 50, "K": 40})
assert example.too_large({**few, "BLOCK_M": 256}, {"M": 70, "N": 50, "K": 40})


def timer(fn, *, give_up_over_ms, before):
    fn()
    return Measurement(1.0)


assert path_of(example.searched) == "hand_written_matmul:searched", "workers find it"
searched = example.after(measure=timer, strategy="random", budget=example.Budget(evaluations=3))
check(searched)
assert not any(example.too_large(p, {"M": 70, "N": 50, "K": 40}) for p in searched.chosen.values())
print("passed")
