"""Numbers that a loop carries and that bound loops inside it keep what a turn assigns to them, in Triton as well."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

import helion
import helion.language as hl

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = helion.Config(block_sizes=[16])


def to_ends(x: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    out = torch.zeros([x.size(0)], device=x.device)
    for tile in hl.tile(x.size(0)):
        acc = hl.zeros([tile], dtype=torch.float32)
        end = ends[0]
        for i in hl.grid(8):
            for column in hl.grid(end):
                acc += x[tile, column]
            end = ends[i + 1]
        out[tile] = acc
    return out


def around_ends(x: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    out = torch.zeros([x.size(0)], device=x.device)
    for tile in hl.tile(x.size(0)):
        acc = hl.zeros([tile], dtype=torch.float32)
        end = ends[0]
        for i in hl.grid(8):
            for column in hl.grid(end, end + 2):
                acc += x[tile, column]
            end = ends[i + 1]
        out[tile] = acc
    return out


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
@pytest.mark.parametrize("function", [to_ends, around_ends])
def test_a_carried_bound_changes_with_the_turns(
    function: Any, dtype: torch.dtype, tmp_path: Path
) -> None:
    x = torch.randn(40, 32)
    ends = torch.tensor([3, 5, 7, 30, 1, 0, 9, 2, 4], dtype=dtype)
    kernel = helion.kernel(function, config=CONFIG)
    spans = [(0, int(e)) if function is to_ends else (int(e), int(e) + 2) for e in ends[:8]]
    expected = sum(x[:, first:last].sum(1) for first, last in spans)
    torch.testing.assert_close(kernel(x, ends), expected)
    source = kernel.bind((x, ends)).to_triton_code(CONFIG)
    assert source.count("tl.assume(") == 1
    carried = carried_by_loops(source, function.__name__, dtype, tmp_path)
    assert carried == [2, 1]  # the sum and the number, and the sum


def carried_by_loops(source: str, name: str, dtype: torch.dtype, folder: Path) -> list[int]:
    """How many values each loop carries in what Triton makes of a kernel for a GPU."""
    path = folder / "kernel.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("kernel", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kernel = getattr(module, name)
    types = {"x": "*fp32", "out": "*fp32", "ends": "*i32" if dtype == torch.int32 else "*i64"}
    asked = ASTSource(kernel, {parameter: types[parameter] for parameter in kernel.arg_names}, {})
    text = triton.compile(asked, target=GPUTarget("cuda", 90, 32)).asm["ttgir"]
    return [found.count("=") for found in re.findall(r"scf\.for[^\n]*?iter_args\(([^)]*)\)", text)]


def test_other_loops_assume_nothing() -> None:
    """One without loops inside, and one that carries tiles alone."""

    @helion.kernel(config=helion.Config(block_sizes=[16, 16]))
    def sums(x: torch.Tensor) -> torch.Tensor:
        out = torch.zeros([x.size(0)], device=x.device)
        for tile in hl.tile(x.size(0)):
            acc = hl.zeros([tile], dtype=torch.float32)
            for i in hl.grid(3):
                for part in hl.tile(x.size(1)):
                    acc += x[tile, part].sum(-1) * i
            out[tile] = acc
        return out

    assert "tl.assume" not in sums.bind((torch.randn(9, 20),)).to_triton_code()
