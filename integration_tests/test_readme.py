"""What the README shows is true: its kernel runs, and the Triton printed there is the Triton that comes out."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

import helion

if TYPE_CHECKING:
    from types import ModuleType

README = Path(__file__).parent.parent / "README.md"
SHOWN_CONFIG = helion.Config(block_sizes=[128, 128, 64], num_warps=8, num_stages=3)


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def shown(tmp_path: Path) -> ModuleType:
    """The README's first block, as the module it would be if someone pasted it into a file."""
    path = tmp_path / "shown.py"
    path.write_text(python_blocks()[0])
    spec = importlib.util.spec_from_file_location("shown", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_kernel_runs_as_it_stands(shown: ModuleType) -> None:
    x, y = torch.randn(70, 50), torch.randn(50, 90)
    torch.testing.assert_close(shown.matmul(x, y), x @ y)


def test_the_triton_shown_is_what_comes_out(shown: ModuleType) -> None:
    arguments = (torch.empty(256, 256), torch.empty(256, 256))
    source = shown.matmul.bind(arguments).to_triton_code(SHOWN_CONFIG)
    (block,) = (block for block in python_blocks() if block.startswith("import triton"))
    # Comments repeat the author's lines, which the README annotates.
    assert without_remarks(block) == without_remarks(source), f"README.md should show:\n{source}"


def without_remarks(source: str) -> list[str]:
    return [re.sub(r"\s+#.*", "", line) for line in source.strip().splitlines()]
