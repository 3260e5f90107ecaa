"""Kernels whose warps have roles, on a GPU of Hopper's: races show nowhere else."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import helion
import helion.language as hl

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from attention import attention, nearer_is_better

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available() or torch.cuda.get_device_capability() != (9, 0),
        reason="warps have roles on Hopper alone",
    ),
]
DRAWS = 12


def _inputs(length: int, width: int, dtype: torch.dtype, keys: int | None = None) -> list[Any]:
    torch.manual_seed(length + width)
    shapes = [(2, 3, length, width), *[(2, 3, keys or length, width)] * 2]
    return [torch.randn(shape, device="cuda", dtype=dtype) for shape in shapes]


def _expected(q: Any, k: Any, v: Any, *, causal: bool, bias: Any = None) -> tuple[Any, Any]:
    """In float64: outputs, and logarithms of sums."""
    scores = q.double() @ k.double().mT / math.sqrt(q.size(-1))
    row = torch.arange(q.size(2), device="cuda")[:, None]
    column = torch.arange(k.size(2), device="cuda")[None, :]
    if bias is not None:
        scores = bias(scores, row, column)
    if causal:
        scores = scores.masked_fill(row < column, -math.inf)
    return torch.softmax(scores, -1) @ v.double(), torch.logsumexp(scores, -1)


def _check(found: tuple[Any, Any], expected: tuple[Any, Any]) -> None:
    torch.testing.assert_close(found[0].double(), expected[0], atol=2e-2, rtol=2e-2)
    torch.testing.assert_close(found[1].double(), expected[1], atol=1e-3, rtol=1e-3)


def _config(rows: int, keys: int, buffers: int, *, causal: bool, **more: Any) -> helion.Config:
    return helion.Config(
        block_sizes=[1, rows, *[keys] * (1 + causal)],
        num_warps=rows // 16,
        num_stages=buffers,
        range_warp_specializes={"tile_n": True},
        **more,
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    ("length", "width", "dtype"),
    [
        (128, 128, torch.bfloat16),
        (200, 128, torch.bfloat16),
        (1152, 128, torch.bfloat16),
        (1, 64, torch.float16),
        (1024, 64, torch.float16),
        (333, 80, torch.bfloat16),
        (65, 16, torch.bfloat16),
    ],
)
@pytest.mark.parametrize(
    ("rows", "keys", "buffers"), [(128, 128, 2), (128, 64, 3), (64, 128, 2), (64, 16, 4)]
)
@pytest.mark.parametrize("programs", ["flat", "persistent_interleaved"])
def test_attention(
    length: int, width: int, dtype: torch.dtype, rows: int, keys: int, buffers: int,
    programs: str, causal: bool,
) -> None:  # fmt: skip
    if causal and keys > rows:
        pytest.skip("a block would reach behind the rows that it is compared with")
    q, k, v = _inputs(length, width, dtype)
    stored = {} if programs == "flat" else {"indexing": {"out@store": "tensor_descriptor"}}
    config = _config(rows, keys, buffers, causal=causal, pid_type=programs, **stored)
    kernel = helion.kernel(attention.fn, config=config)
    found = kernel(q, k, v, causal)
    for _ in range(3):
        _check(found, _expected(q, k, v, causal=causal))
        found = kernel(q, k, v, causal)


def test_other_keys_than_queries_and_a_modification() -> None:
    q, k, v = _inputs(190, 128, torch.bfloat16, keys=517)
    kernel = helion.kernel(attention.fn, config=_config(128, 128, 2, causal=False))
    _check(kernel(q, k, v), _expected(q, k, v, causal=False))
    expected = _expected(q, k, v, causal=False, bias=nearer_is_better)
    _check(kernel(q, k, v, modify=nearer_is_better), expected)


@helion.kernel()
def gated(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: hl.constexpr) -> torch.Tensor:
    """Sigmoids of rounded products as weights, and the largest of each row: nothing is rescaled."""
    _, length, size = q.size()
    size = hl.specialize(size)
    out = torch.empty_like(q)
    for head, rows in hl.tile([q.size(0), length]):
        most = hl.full([head, rows], 0.0, dtype=torch.float32)
        acc = hl.zeros([head, rows, size], dtype=torch.float32)
        query = q[head, rows, :]
        for columns in hl.tile(k.size(1)):
            weights = torch.sigmoid(torch.bmm(query, k[head, columns, :].transpose(1, 2)) + bias)
            most = torch.maximum(most, weights.amax(-1).to(torch.float32))
            acc = torch.baddbmm(acc, weights.to(v.dtype), v[head, columns, :])
        out[head, rows, :] = (acc * most[:, :, None]).to(out.dtype)
    return out


@pytest.mark.parametrize("keys", [64, 333])
@pytest.mark.parametrize("rows", [64, 128])
def test_other_weights(keys: int, rows: int) -> None:
    torch.manual_seed(keys)
    q, k, v = (
        torch.randn(6, length, 64, device="cuda", dtype=torch.bfloat16) / 4
        for length in (500, keys, keys)
    )
    config = helion.Config(
        block_sizes=[1, rows, 64],
        num_warps=rows // 16,
        num_stages=3,
        range_warp_specializes=[None, True],
    )
    found = helion.kernel(gated.fn, config=config)(q, k, v, 0.25)
    weights = torch.sigmoid((q @ k.mT).double() + 0.25)
    expected = weights @ v.double() * weights.amax(-1, keepdim=True)
    torch.testing.assert_close(found.double(), expected, atol=1e-1, rtol=3e-2)


@helion.kernel()
def growing(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """The accumulator is multiplied by what the turn before handed on."""
    size = hl.specialize(x.size(1))
    out = torch.empty([x.size(0), size], dtype=torch.float32, device=x.device)
    for rows in hl.tile(x.size(0)):
        acc = hl.zeros([rows, size], dtype=torch.float32)
        factor = hl.full([rows], 1.0, dtype=torch.float32)
        own = x[rows, :]
        for columns in hl.tile(y.size(0), block_size=64):
            weights = hl.dot(own, y[columns, :].T)
            acc = acc * factor[:, None]
            factor = factor + 0.5 + 0.0 * weights.amax(-1)
            acc = hl.dot(weights.to(z.dtype), z[columns, :], acc=acc)
        out[rows, :] = acc
    return out


def test_what_a_turn_was_handed_is_used_at_its_end() -> None:
    torch.manual_seed(3)
    x, y, z = (torch.randn(n, 64, device="cuda", dtype=torch.bfloat16) / 8 for n in (300, 256, 256))
    config = helion.Config(block_sizes=[128], num_warps=8, range_warp_specializes=[None, True])
    found = helion.kernel(growing.fn, config=config)(x, y, z)
    expected = torch.zeros(300, 64, device="cuda", dtype=torch.float64)
    for turn in range(4):
        part = slice(64 * turn, 64 * turn + 64)
        expected = (
            expected * (1 + 0.5 * turn) + (x.double() @ y[part].double().T) @ z[part].double()
        )
    torch.testing.assert_close(found.double(), expected, atol=3e-2, rtol=3e-2)


def test_configs_drawn_at_random() -> None:
    for causal in (False, True):
        q, k, v = _inputs(777, 128, torch.bfloat16)
        expected = _expected(q, k, v, causal=causal)
        space = attention.bind((q, k, v, causal))._implementation.specialized.space
        draws = np.random.default_rng(7)
        tried = 0
        while tried < DRAWS:
            point = space.space.sample(draws)
            if point["range_warp_specializes[tile_n]"]:
                tried += 1
                config = space.config(point)
                try:
                    found = helion.kernel(attention.fn, config=config)(q, k, v, causal)
                    _check(found, expected)
                except Exception as error:
                    raise AssertionError(f"with {config}") from error
