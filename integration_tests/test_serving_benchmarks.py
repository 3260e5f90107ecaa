"""The programs that measure serving run, and count what they say; here without a GPU, on few kernels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import serving_first_calls, serving_start

EXAMPLES = Path(__file__).parent.parent / "examples"
KERNELS = f"""
targets = ["sm_90"]

[[variant]]
kernel = "{EXAMPLES}/add.py:add"
args = ["bf16[64,64]", "bf16[64,64]"]

[[variant]]
kernel = "{EXAMPLES}/rope.py:rotate"
args = ["bf16[1,2,64,64]", "f32[64,32]", "f32[64,32]", 1]
"""


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    path = tmp_path / "kernels.toml"
    path.write_text(KERNELS)
    return path


def test_first_calls(kernels: Path, tmp_path: Path) -> None:
    ways = serving_first_calls.measure(kernels, 1, tmp_path)
    compiled = ["JIT, empty cache", "JIT, full cache"] if torch.cuda.is_available() else []
    assert list(ways) == ["bundle", "bundle, warmed", *compiled]
    for figures in ways.values():
        assert 0 < figures["first of the first calls"] < figures["all first calls"]
        assert figures["all first calls"] < figures["in all"]


def test_start(kernels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_start, "KERNELS", kernels)
    bundle = serving_start.build(tmp_path)
    figures = serving_start.milliseconds(bundle, 1, tmp_path / "bytecode")
    assert 0 < figures["open, verify and load"] < figures["all of it"]
    assert figures["MiB of memory that the bundle takes"] >= 0
