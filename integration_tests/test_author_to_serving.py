"""From the author's file to a server's process: ``helion build`` here, ``helion_runtime`` in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

MATMUL = Path(__file__).parent.parent / "examples" / "matmul.py"
COMPILING = {"triton", "scipy", "sympy", "torch._inductor", "helion_compiler", "helion_autotune"}

OPEN = """
import helion_runtime, torch
bundle = helion_runtime.load({path!r})
"""

REFUSED_ON_THE_CPU = """
try:
    bundle.matmul(torch.ones(512, 256), torch.ones(256, 384))
except helion_runtime.RuntimeBundleError:  # no GPU, or a tensor that is not on it
    pass
else:
    raise AssertionError("a kernel for sm_90 ran on the CPU")
"""

RUNS = """
x, y = torch.randn(512, 256, device="cuda").half(), torch.randn(256, 384, device="cuda").half()
torch.testing.assert_close(bundle.matmul(x, y), x @ y, rtol=1e-2, atol=1e-2)
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the README's matmul for sm_90, as a server would be given it."""
    path = tmp_path_factory.mktemp("author") / "kernels.helion"
    command = [
        Path(sys.executable).with_name("helion"),
        *("build", f"{MATMUL}:matmul", "--args", "f16[512,256]", "f16[256,384]"),
        *("--target", "sm_90", "-o", path),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return path


def test_the_bundle_is_sound(bundle: Path) -> None:
    command = [sys.executable, "-m", "helion_runtime", "verify", str(bundle)]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stderr
    assert "sound" in verified.stdout


def test_opening_it_loads_no_compiler(
    bundle: Path, loaded_by: Callable[[str], frozenset[str]]
) -> None:
    loaded = loaded_by(OPEN.format(path=str(bundle)) + REFUSED_ON_THE_CPU)
    assert loaded & COMPILING == frozenset()


@pytest.mark.gpu
def test_it_runs_without_a_compiler(
    bundle: Path, loaded_by: Callable[[str], frozenset[str]]
) -> None:
    loaded = loaded_by(OPEN.format(path=str(bundle)) + RUNS)
    assert loaded & COMPILING == frozenset()
