"""Kernels by name: every way to name one, and what is said when nothing is found."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from helion_compiler.bundling.errors import KernelNameError
from helion_compiler.bundling.kernel_names import find_kernel

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
import helion, helion.language as hl, torch
from beside_for_bundling import FACTOR

@helion.kernel
def twice(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.shape):
        out[tile] = x[tile] * FACTOR
    return out

class Holder:
    kernel = twice

number = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bundling_ops.py").write_text(SOURCE)
    (tmp_path / "beside_for_bundling.py").write_text("FACTOR = 2\n")
    (tmp_path / "bundling_broken.py").write_text("import torch\ntorch.there_is_no_such_thing\n")
    (tmp_path / "bundling_needy.py").write_text("import there_is_no_such_module\n")
    return tmp_path


@pytest.fixture(autouse=True)
def _as_before() -> None:
    for name in ("bundling_ops", "bundling_broken", "bundling_needy", "beside_for_bundling"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "name", ["bundling_ops.py:twice", "bundling_ops:twice", "bundling_ops.py:Holder.kernel"]
)
def test_kernels_are_found(folder: Path, name: str) -> None:
    path = list(sys.path)
    assert find_kernel(name, folder).name == "twice"
    assert sys.path == path


def test_a_file_is_executed_once(folder: Path) -> None:
    first = find_kernel("bundling_ops.py:twice", folder)
    assert find_kernel(str(folder / "bundling_ops.py:twice"), folder.parent) is first


@pytest.mark.parametrize(
    ("name", "problem", "remedy"),
    [
        ("twice", "this names no kernel of a module", "package.module:kernel"),
        (":twice", "this names no kernel of a module", "path/to/file.py:kernel"),
        ("bundling_ops:thrice", "bundling_ops has nothing called 'thrice'", "are: twice"),
        ("bundling_ops.py:number", "number is of type int, not a kernel", "are: twice"),
        (
            "bundling_opps:twice",
            "there is no module 'bundling_opps'",
            "did you mean 'bundling_ops'?",
        ),
        ("zzz:twice", "there is no module 'zzz'", "modules are looked for in"),
        (
            "bundling_ops.inner:twice",
            "no module 'bundling_ops.inner'",
            "did you mean 'bundling_ops'?",
        ),
        ("missing.py:twice", "there is no file", "bundling_ops.py"),
        ("bundling_broken.py:x", "failed with AttributeError: module 'torch'", "work first"),
        ("bundling_needy:x", "failed with ModuleNotFoundError", "work first"),
        ("beside_for_bundling:FACTOR", "of type int, not a kernel", "are: none"),
    ],
)
def test_what_is_not_found(folder: Path, name: str, problem: str, remedy: str) -> None:
    with pytest.raises(KernelNameError) as caught:
        find_kernel(name, folder)
    assert problem in str(caught.value)
    assert remedy in str(caught.value)
    assert not [key for key in sys.modules if key.endswith("bundling_broken.py")]
