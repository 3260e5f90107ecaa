"""Kernels in the manner of TorchInductor, whose helpers reduce, scan, sort and search."""

import pytest
import torch
import triton
import triton.language as tl
from torch._inductor.runtime import triton_helpers
from torch._inductor.runtime.triton_helpers import math as tl_math

from helion_compiler.interpreting import interpret

ONE = (1, 1, 1)


@triton.jit
def online_softmax_kernel(x, y, rows, columns, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    largest = tl.full([ROWS, BLOCK], float("-inf"), tl.float32)
    total = tl.full([ROWS, BLOCK], 0.0, tl.float32)
    for start in tl.range(0, columns, BLOCK, num_stages=2):
        column = start + tl.arange(0, BLOCK)[None, :]
        mask = (row < rows) & (column < columns)
        a = tl.load(x + row * columns + column, mask, eviction_policy="evict_last", other=0.0)
        a = tl.broadcast_to(a.to(tl.float32), [ROWS, BLOCK])
        largest_next, total_next = triton_helpers.online_softmax_combine(largest, total, a, False)  # noqa: FBT003
        largest = tl.where(mask, largest_next, largest)
        total = tl.where(mask, total_next, total)
    largest, total = triton_helpers.online_softmax_reduce(largest, total, 1, False)  # noqa: FBT003
    for start in tl.range(0, columns, BLOCK):
        column = start + tl.arange(0, BLOCK)[None, :]
        mask = (row < rows) & (column < columns)
        a = tl.load(x + row * columns + column, mask, other=0.0).to(tl.float32)
        tl.store(
            y + row * columns + column, tl_math.exp(a - largest[:, None]) / total[:, None], mask
        )


def test_online_softmax() -> None:
    x, y = torch.randn(5, 100).to(torch.bfloat16), torch.empty(5, 100)
    interpret(online_softmax_kernel, (3, 1, 1), [x, y, 5, 100], {"ROWS": 2, "BLOCK": 32})
    torch.testing.assert_close(y, torch.softmax(x.float(), 1))


@triton.jit
def sort_kernel(x, values, indices, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)[None, :]
    value, index = triton_helpers.sort_with_index(
        tl.load(x + i), i.to(tl.int16), None, 1, stable=True, descending=False
    )
    tl.store(values + i, value)
    tl.store(indices + i, index.to(tl.int32))


def test_a_stable_sort() -> None:
    x = torch.randint(0, 9, (32,)).float()
    values, indices = torch.empty(32), torch.empty(32, dtype=torch.int32)
    interpret(sort_kernel, ONE, [x, values, indices], {"BLOCK": 32})
    expected = x.sort(stable=True)
    assert torch.equal(values, expected.values)
    assert torch.equal(indices, expected.indices.int())


@triton.jit
def search_kernel(x, boundaries, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    found = triton_helpers.bucketize_binary_search(
        tl.load(x + i), boundaries, 8, 8, 1, tl.full([BLOCK], 0, tl.int32), tl.int32,
        False, None, None, None,  # noqa: FBT003
    )  # fmt: skip
    tl.store(out + i, found)


def test_a_binary_search() -> None:
    x, boundaries = torch.rand(32), torch.rand(8).sort().values
    out = torch.empty(32, dtype=torch.int32)
    interpret(search_kernel, ONE, [x, boundaries, out], {"BLOCK": 32})
    assert torch.equal(out, torch.bucketize(x, boundaries).int())


@triton.jit
def integer_helpers_kernel(out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    mantissa, exponent = triton_helpers.frexp(i.to(tl.float32))
    tl.store(out + i, mantissa)
    tl.store(out + BLOCK + i, exponent.to(tl.float32))
    cube = triton_helpers.pow_integer(i.to(tl.int64), tl.full([BLOCK], 3, tl.int64))
    tl.store(out + 2 * BLOCK + i, cube.to(tl.float32))
    largest = tl.associative_scan(((i * 37) % 64).to(tl.float32), 0, triton_helpers.maximum)
    tl.store(out + 3 * BLOCK + i, largest)


@pytest.mark.skipif(
    not hasattr(triton_helpers, "pow_integer"), reason="this torch has no pow_integer to interpret"
)
def test_powers_exponents_and_running_maxima() -> None:
    out, i = torch.empty(4, 64), torch.arange(64.0)
    interpret(integer_helpers_kernel, ONE, [out], {"BLOCK": 64})
    mantissa, exponent = torch.frexp(i)
    expected = [mantissa, exponent.float(), i**3, ((i * 37) % 64).cummax(0).values]
    torch.testing.assert_close(out, torch.stack(expected), rtol=0, atol=0)
