"""The release flow: ``helion tune`` on a GPU, ``helion build`` as where there is none, served without a compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch

import helion_runtime

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.gpu

SOURCE = """
import helion, helion.language as hl, torch

@helion.kernel
def scaled_softmax(x: torch.Tensor, scale: float) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = torch.softmax(x[tile, :] * scale, dim=1)
    return out
"""
BUILD_FILE = """
lock = "tuned.lock.json"

[[variant]]
kernel = "ops.py:scaled_softmax"
args = ["f32[512,1000]", 0.5]

[[variant]]
kernel = "ops.py:scaled_softmax"
args = ["f32[500,1000]", 0.5]
static_shapes = false
"""
SERVED = """
import sys
sys.modules.update(dict.fromkeys(["triton", "scipy", "helion", "helion_compiler", "helion_autotune"]))
import torch, helion_runtime
bundle = helion_runtime.load(sys.argv[1])
for rows, columns in ((512, 1000), (100, 300)):
    x = torch.randn(rows, columns, device="cuda")
    torch.testing.assert_close(bundle.scaled_softmax(x, 2.0), torch.softmax(x * 2.0, 1))
"""
FROZEN = """
import torch
from ops import scaled_softmax
x = torch.randn(512, 1000, device="cuda")
torch.testing.assert_close(scaled_softmax(x, 2.0), torch.softmax(x * 2.0, 1))
"""


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "HELION_AUTOTUNE_CACHE": str(folder / "cache"), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_release_flow(tmp_path: Path) -> None:
    (tmp_path / "ops.py").write_text(SOURCE)
    (tmp_path / "k.toml").write_text(BUILD_FILE)
    helion = ("-m", "helion_compiler")
    told = run(tmp_path, *helion, "tune", "k.toml", "--evaluations", "8", "--seconds", "60")
    assert told.stdout.endswith("tuned.lock.json: 2 of 2 tuned\n")
    entries = json.loads((tmp_path / "tuned.lock.json").read_text())["results"]
    assert len(entries) == 2  # sizes are told apart from any size
    major, minor = torch.cuda.get_device_capability()
    target = f"sm_{major}{minor}"
    command = [*helion, "build", "k.toml", "--target", target, "-o", "k.helion"]
    told = run(tmp_path, *command, CUDA_VISIBLE_DEVICES="")
    origin = f"config tuned on {torch.cuda.get_device_name()}\n"
    assert told.stderr.count(origin) == 2, told.stderr
    manifest = helion_runtime.load(tmp_path / "k.helion").manifest
    built = {json.dumps(json.loads(kernel.config)["block_sizes"]) for kernel in manifest.kernels}
    assert len(built) in (1, 2)
    run(tmp_path, "-c", SERVED, "k.helion")
    # The very source finds the same results, without a search.
    lock = str(tmp_path / "tuned.lock.json")
    frozen = {"HELION_AUTOTUNE_LOCK": lock, "HELION_DISALLOW_AUTOTUNING": "1"}
    run(tmp_path, "-c", FROZEN, HELION_AUTOTUNE_EFFORT="quick", **frozen)
