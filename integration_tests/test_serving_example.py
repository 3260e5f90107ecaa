"""The transformer block of ``examples/serving``: built here, served without a compiler, compiled by torch."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion_runtime
from helion_runtime.driver import DeviceProperties
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).parent.parent / "examples" / "serving"
HOPPER = DeviceProperties("hopper", (9, 0), 132, 232448)
LAUNCHED = [
    "rms_norm_forward", "matmul", "rotate", "rotate", "attention", "matmul", "add",
    "rms_norm_forward", "matmul", "swiglu_forward", "matmul", "add",
]  # fmt: skip

# Importing these raises; whoever asks whether they are there is told that they are not. torch may want sympy itself.
SERVER = """
import runpy, sys
sys.modules.update(dict.fromkeys(["triton", "scipy", "helion", "helion_compiler", "helion_autotune"]))
import torch
sys.modules["sympy"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serving")
    path = folder / "block.helion"
    built = subprocess.run(
        [sys.executable, "-m", "helion_compiler", "build", "kernels.toml", "-o", path],
        cwd=FOLDER,
        env={**os.environ, "TRITON_CACHE_DIR": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return path


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("serving_block", FOLDER / "block.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_kernel_is_launched_from_the_bundle(bundle: Path, example: ModuleType) -> None:
    driver: Any = RecordingDriver(helion_runtime.load(bundle).manifest.kernels, HOPPER)
    block = example.Block(helion_runtime.load(bundle, driver=driver), "cpu")
    x = torch.zeros(example.POSITIONS, example.FEATURES, dtype=torch.bfloat16)
    out = block(x)
    assert (out.shape, out.dtype) == (x.shape, x.dtype)
    assert [launch.symbol for launch in driver.launches] == LAUNCHED


def test_the_block_compiles_in_one_graph(bundle: Path, example: ModuleType) -> None:
    driver: Any = RecordingDriver(helion_runtime.load(bundle).manifest.kernels, HOPPER)
    kernels = helion_runtime.load(bundle, driver=driver)
    kernels.register("serving_example")
    block = example.Block(kernels, "cpu")
    x = torch.zeros(example.POSITIONS, example.FEATURES, dtype=torch.bfloat16)
    compiled: Any = torch.compile(block, fullgraph=True, backend="aot_eager")
    assert compiled(x).shape == x.shape
    assert [launch.symbol for launch in driver.launches] == LAUNCHED
    torch._dynamo.reset()


@pytest.mark.gpu
def test_it_equals_torch_without_a_compiler(bundle: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVER, str(FOLDER / "block.py"), str(bundle)]
    nothing = {**os.environ, "PATH": str(tmp_path)}  # no compiler, no assembler, no shell
    served = subprocess.run(command, capture_output=True, text=True, check=False, env=nothing)
    assert served.returncode == 0, served.stderr
    assert "equal to torch" in served.stdout
