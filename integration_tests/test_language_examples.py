"""The examples in the language's docstrings, compiled for the CPU; helion-lang's own tests run them as Python."""

from __future__ import annotations

import runpy
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

import helion
import helion.language as hl

ROOT = Path(__file__).resolve().parents[1]
REFUSED: dict[str, type[Exception]] = {
    "inline_asm_elementwise": NotImplementedError,  # what a GPU runs, no interpreter does
}
DOCSTRING = runpy.run_path(str(ROOT / "tools" / "language_docs.py"))["Docstring"]


@pytest.mark.parametrize("name", hl.DECLARATIONS)
def test_example_compiles(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELION_AUTOTUNE_EFFORT", "none")
    program = tmp_path / f"{name}.py"
    program.write_text(DOCSTRING.of(hl.DECLARATIONS[name].doc).example, encoding="utf-8")
    with pytest.raises(REFUSED[name]) if name in REFUSED else nullcontext():
        runpy.run_path(str(program), {"torch": torch, "helion": helion, "hl": hl})
