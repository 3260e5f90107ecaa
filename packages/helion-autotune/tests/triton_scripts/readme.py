"""The README's kernels, pasted into files: before, after, and with a space; each launch is as the README shows it."""

import importlib.util
import re
import sys
from pathlib import Path

import torch
import triton

from helion_autotune.triton_kernels import TunedKernel

FOLDER = Path(sys.argv[1])
TEXT = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
KERNELS = [block for block in BLOCKS if "@triton.jit" in block]
(LAUNCH,) = re.findall(r"^The launch stays as it was: `(.*)`\.$", TEXT, re.M)


def pasted(number):
    path = FOLDER / f"pasted_{number}.py"
    path.write_text(KERNELS[number], encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


before, after, searched = map(pasted, range(3))
assert type(before.scale).__module__.startswith("triton.")
assert KERNELS[0].partition("@triton.jit")[2] == KERNELS[1].partition("@triton.jit")[2]
assert "BLOCK" in searched.space.parameters
for module, config in (
    (after, triton.Config({"BLOCK": 4096}, num_warps=8)),
    (searched, {"BLOCK": 128, "num_warps": 4}),
):
    assert isinstance(module.scale, TunedKernel)
    module.scale.fix(config)
    n = 5000
    x, out = torch.randn(n), torch.empty(n)
    exec(LAUNCH, {"scale": module.scale, "triton": triton, "x": x, "out": out, "n": n})
    assert torch.equal(out, x * 2.0)
print("passed")
