"""Rows that are held as they were loaded, and exponentials of few digits, as a GPU computes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import helion

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from exp import exp_forward
from layer_norm import layer_norm_forward
from rms_norm import rms_norm_forward
from softmax import softmax, softmax_backward

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available() or torch.version.hip is not None,
        reason="NVIDIA's GPUs alone renew what they hold",
    ),
]
EPS = 1e-5
LENGTHS = (16385, 40_000, 50_304, 50_257, 65_535, 65_536)


def numbers(*shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    torch.manual_seed(sum(shape))
    return torch.randn(shape, device="cuda", dtype=dtype)


def renewed(kernel: Any, arguments: tuple[Any, ...], warps: int, rows: int = 1) -> Any:
    """What a kernel computes with its rows held as they were loaded."""
    config = helion.Config(block_sizes=[rows], reduction_loops=[1 << 16], num_warps=warps)
    if arguments[0].size(1) <= 1 << 15:
        config = helion.Config(block_sizes=[rows], reduction_loops=[1 << 15], num_warps=warps)
    run = helion.kernel(kernel.fn, config=config)
    assert "renewed(" in run.bind(arguments).to_triton_code(config)
    return run(*arguments)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_softmax(length: int, dtype: torch.dtype) -> None:
    x = numbers(7, length, dtype=dtype)
    exact = torch.softmax(x.double(), -1)
    for warps in (16, 32):
        found = renewed(softmax, (x,), warps)
        torch.testing.assert_close(
            found.double(), exact, rtol=0.52 * torch.finfo(dtype).eps, atol=1e-7
        )


@pytest.mark.parametrize("length", LENGTHS)
def test_norms(length: int) -> None:
    x, weight, bias = numbers(5, length), numbers(length), numbers(length)
    exact = x.double()
    root = torch.rsqrt((exact * exact).mean(-1, keepdim=True) + EPS)
    out, _ = renewed(rms_norm_forward, (x, weight, EPS), 32)
    torch.testing.assert_close(out.double(), exact * root * weight.double(), rtol=5e-3, atol=1e-6)
    out, _, _ = renewed(layer_norm_forward, (x, weight, bias, EPS), 32)
    expected = torch.nn.functional.layer_norm(exact, (length,), weight.double(), bias.double(), EPS)
    torch.testing.assert_close(out.double(), expected, rtol=5e-3, atol=1e-3)


def test_several_rows_a_program_and_two_tensors_a_row() -> None:
    grads, out = numbers(6, 20_000), torch.softmax(numbers(6, 20_000).float(), -1).bfloat16()
    both = grads.double() * out.double()
    expected = both - out.double() * both.sum(-1, keepdim=True)
    for rows in (1, 2):
        found = renewed(softmax_backward, (grads, out), 32, rows)
        torch.testing.assert_close(found.double(), expected, rtol=5e-3, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_exponentials_of_few_digits(dtype: torch.dtype) -> None:
    """Of every number of 16 bits."""
    bits = torch.arange(-(1 << 15), 1 << 15, device="cuda").to(torch.int16).view(dtype)
    x = bits.view(256, 256).contiguous()
    found, exact = exp_forward(x), torch.exp(x.double())
    finfo = torch.finfo(dtype)
    inside = (exact < finfo.max) & (exact > finfo.tiny)
    torch.testing.assert_close(found[inside].double(), exact[inside], rtol=0.51 * finfo.eps, atol=0)
    assert torch.equal(found.isnan(), x.isnan())
    assert torch.equal(found.isinf(), exact.to(dtype).isinf())
    assert (
        found[exact <= finfo.tiny].double() - exact[exact <= finfo.tiny]
    ).abs().max() < 2e-38 + finfo.smallest_normal
