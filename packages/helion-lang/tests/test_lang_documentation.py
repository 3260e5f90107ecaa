"""The documentation of the language: each example runs, and docs/language.md says what the docstrings say."""

from __future__ import annotations

import runpy
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import NotInReferenceMode

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTATION = runpy.run_path(str(ROOT / "tools" / "language_docs.py"))
COMPILED_ONLY = {"inline_asm_elementwise", "inline_triton", "triton_kernel"}


@pytest.mark.parametrize("name", hl.DECLARATIONS)
def test_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELION_INTERPRET", "1")
    program = tmp_path / f"{name}.py"
    example = DOCUMENTATION["Docstring"].of(hl.DECLARATIONS[name].doc).example
    assert f"hl.{name}(" in example
    program.write_text(example, encoding="utf-8")
    refused = pytest.raises(NotInReferenceMode) if name in COMPILED_ONLY else nullcontext()
    with refused:
        runpy.run_path(str(program), {"torch": torch, "helion": helion, "hl": hl})


def test_the_page_says_what_the_docstrings_say() -> None:
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    assert page == DOCUMENTATION["document"](), "run `python tools/language_docs.py`"
    missing = [name for name in hl.DECLARATIONS if f"### `hl.{name}`" not in page]
    assert not missing
