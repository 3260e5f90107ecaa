"""What kernels may contain: loops, helpers, globals, shapes, and errors that point at the kernel's own lines."""

import linecache
import math
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import triton
import triton.language as tl
import triton.language.math as tl_math
from torch._inductor.runtime import triton_helpers
from torch._inductor.runtime.triton_helpers import libdevice

from helion_compiler.interpreting import interpret

ONE = (1, 1, 1)
SCALE = tl.constexpr(1.5)


@triton.jit
def matmul_kernel(  # noqa: PLR0917  kernels take what they need
    a, b, c, m, n, k,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, PROGRAMS: tl.constexpr,
):  # fmt: skip
    tiles_n = tl.cdiv(n, BLOCK_N)
    tiles = tl.cdiv(m, BLOCK_M) * tiles_n
    for tile in tl.range(tl.program_id(0), tiles, PROGRAMS, num_stages=1, flatten=True):
        rows = tile // tiles_n * BLOCK_M + tl.arange(0, BLOCK_M).to(tl.int64)
        columns = tile % tiles_n * BLOCK_N + tl.arange(0, BLOCK_N)
        acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
        for start in tl.range(0, k, BLOCK_K, num_stages=3, loop_unroll_factor=2):
            inner = start + tl.arange(0, BLOCK_K)
            x = tl.load(
                a + rows[:, None] * k + inner[None, :],
                mask=(rows[:, None] < m) & (inner[None, :] < k), other=0.0,
            )  # fmt: skip
            y = tl.load(
                b + inner[:, None] * n + columns[None, :],
                mask=(inner[:, None] < k) & (columns[None, :] < n), other=0.0,
            )  # fmt: skip
            acc = tl.dot(x, y, acc)
        mask = (rows[:, None] < m) & (columns[None, :] < n)
        tl.store(c + rows[:, None] * n + columns[None, :], acc.to(tl.bfloat16), mask=mask)


def test_a_persistent_matmul_in_bfloat16() -> None:
    a, b = torch.randn(70, 90).to(torch.bfloat16), torch.randn(90, 50).to(torch.bfloat16)
    c = torch.empty(70, 50, dtype=torch.bfloat16)
    blocks = {"BLOCK_M": 32, "BLOCK_N": 32, "BLOCK_K": 32, "PROGRAMS": 2}
    interpret(matmul_kernel, (2, 1, 1), [a, b, c, 70, 50, 90], blocks)
    torch.testing.assert_close(c, (a.float() @ b.float()).to(torch.bfloat16))


@triton.jit
def attention_kernel(q, k, v, out, n, SIZE: tl.constexpr, BLOCK: tl.constexpr):
    i, d = tl.arange(0, BLOCK)[:, None], tl.arange(0, SIZE)[None, :]
    offset = tl.program_id(0) * BLOCK
    query = tl.load(q + (offset + i) * SIZE + d)
    largest = tl.full([BLOCK], float("-inf"), tl.float32)
    total = tl.full([BLOCK], 0.0, tl.float32)
    acc = tl.zeros([BLOCK, SIZE], tl.float32)
    for start in range(0, n, BLOCK):
        keys = tl.load(k + (start + i) * SIZE + d)
        scores = tl.dot(query, tl.trans(keys)) * (SCALE * 1.44269504)
        new = triton_helpers.maximum(largest, tl.max(scores, 1))
        weights = libdevice.exp2(scores - new[:, None])
        rescale = tl_math.exp2(largest - new)
        total = total * rescale + tl.sum(weights, 1)
        values = tl.load(v + (start + i) * SIZE + d)
        acc = tl.dot(weights.to(tl.bfloat16), values, acc * rescale[:, None])
        largest = new
    tl.store(out + (offset + i) * SIZE + d, acc / total[:, None])


def test_attention_with_the_names_that_inductor_emits() -> None:
    q, k, v = torch.randn(3, 64, 32).to(torch.bfloat16)
    out = torch.empty(64, 32)
    interpret(attention_kernel, (2, 1, 1), [q, k, v, out, 64], {"SIZE": 32, "BLOCK": 32})
    expected = torch.softmax(q.float() @ k.float().T * 1.5, 1) @ v.float()
    torch.testing.assert_close(out, expected, rtol=0.02, atol=0.02)


@triton.jit
def inductor_kernel(x, y, values, indices, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    a = tl.load(x + i)
    tl.store(y + i, triton_helpers.minimum(a, a * a))
    tl.store(y + BLOCK + i, triton_helpers.maximum(a, -a))
    value, index = triton_helpers.max_with_index(a, i, 0)
    tl.store(values, value)
    tl.store(indices, index)
    tl.store(values + 1, triton_helpers.prod(a, 0))
    mean, m2, weight = triton_helpers.welford(
        a, tl.zeros_like(a), tl.full([BLOCK], 1.0, tl.float32), 0
    )
    tl.store(values + 2, mean)
    tl.store(values + 3, m2 / weight)
    tl.store(indices + 1, triton_helpers.any(a > 2, 0).to(tl.int64))
    tl.store(indices + 2, triton_helpers.div_floor_integer(index * 0 - 7, 2))
    is_nan = libdevice.isnan(a).to(tl.int1)
    tl.store(indices + 3, tl.sum(is_nan.to(tl.int64)))


def test_the_helpers_of_inductor() -> None:
    x, y = torch.rand(64) + 0.5, torch.empty(2, 64)
    x[7] = torch.nan
    values, indices = torch.empty(4), torch.empty(4, dtype=torch.int64)
    interpret(inductor_kernel, ONE, [x, y, values, indices], {"BLOCK": 64})
    expected = torch.stack([torch.minimum(x, x * x), torch.maximum(x, -x)])
    torch.testing.assert_close(y, expected, equal_nan=True)
    assert math.isnan(values[0])
    assert indices.tolist() == [7, 0, -4, 1]
    x[7] = 0.75
    interpret(inductor_kernel, ONE, [x, y, values, indices], {"BLOCK": 64})
    torch.testing.assert_close(
        values, torch.stack([x.max(), x.prod(), x.mean(), x.var(correction=0)])
    )
    assert indices.tolist() == [x.argmax(), 0, -4, 0]


@triton.jit
def affine(x, scale: tl.constexpr = SCALE, shift=2.0):
    return x * scale + shift


@triton.jit
def helper_kernel(x, y, BLOCK: tl.constexpr, function: tl.constexpr):
    i = tl.arange(0, BLOCK)
    a = tl.load(x + i)
    half: tl.constexpr = a.shape[0] // 2
    tl.store(y + i, affine(affine(a, shift=0.0)))
    tl.store(y + BLOCK + i, function(a) + a.shape[0] * SCALE)
    pair = tl.reshape(a, (half, 2))
    left, right = tl.split(pair)
    tl.store(y + 2 * BLOCK + i, tl.interleave(right, left))
    tl.store(y + 3 * BLOCK + i, tl.ravel(tl.join(left, right)).sum() + tl.sort(a))


def test_helpers_defaults_and_shapes() -> None:
    x, y = torch.randn(32), torch.empty(4, 32)
    interpret(helper_kernel, ONE, [x, y], {"BLOCK": 32, "function": affine})
    swapped = x.reshape(16, 2).flip(1).reshape(32)
    expected = [x * 2.25 + 2, x * 1.5 + 2 + 48, swapped, x.sum() + x.sort().values]
    torch.testing.assert_close(y, torch.stack(expected))


@triton.jit
def control_kernel(x, y, n, flag, LIMIT: tl.constexpr):
    count = 0
    value = tl.load(x)
    while value < LIMIT and count < 10:
        value *= 2
        count += 1
    if not flag or n == 0:
        value = -value
    for j in tl.static_range(3):
        if j != 1:
            tl.store(y + j, value + j)
    for j in range(2, -1, -1):
        tl.store(y + 3 + j, j.to(tl.float32) * (1.0 if flag else 2.0))
    tl.store(y + 6, min(n, 5) + max(count, 1))
    tl.device_assert(value != 0, "never zero")
    tl.static_assert(LIMIT > 1)


def test_control_flow() -> None:
    x, y = torch.tensor([3.0]), torch.zeros(7)
    interpret(control_kernel, ONE, [x, y, 7, True], {"LIMIT": 20})
    assert y.tolist() == [24, 0, 26, 0, 1, 2, 8]
    interpret(control_kernel, ONE, [x, y, 7, False], {"LIMIT": 20})
    assert y.tolist() == [-24, 0, -22, 0, 2, 4, 8]


@triton.jit
def random_kernel(seed, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.rand(seed, i))
    tl.store(out + BLOCK + i, tl.randn(seed, i))


def test_random_numbers_are_philox() -> None:
    out = torch.empty(2, 4096)
    interpret(random_kernel, ONE, [7, out], {"BLOCK": 4096})
    assert ((out[0] >= 0) & (out[0] < 1)).all()
    torch.testing.assert_close(out[0].mean(), torch.tensor(0.5), rtol=0, atol=0.02)
    torch.testing.assert_close(out[1].std(), torch.tensor(1.0), rtol=0, atol=0.05)


@triton.jit
def structure_kernel(x, counts, y):
    i = tl.arange(0, 16)
    a = tl.load(x + i)
    tl.store(counts + tl.arange(0, 4), tl.histogram(a % 4, 4))
    tl.store(y + i, tl.gather(a, 15 - i, 0))
    tl.store(y + 16 + i, tl.flip(a, 0))
    tl.store(y + 32 + tl.arange(0, 32), tl.cat(a, a, can_reorder=True))
    wide = tl.broadcast_to(a[None, :], (2, 16)).permute(1, 0)
    tl.store(y + 64 + i[:, None] * 2 + tl.arange(0, 2)[None, :], wide)
    tl.store(y + 96 + i, (a.to(tl.float32, bitcast=True)).to(tl.int32, bitcast=True))


def test_operations_on_structure() -> None:
    x = torch.randint(0, 100, (16,), dtype=torch.int32)
    counts, y = torch.empty(4, dtype=torch.int32), torch.empty(112, dtype=torch.int32)
    interpret(structure_kernel, ONE, [x, counts, y])
    assert torch.equal(counts, torch.bincount(x % 4, minlength=4).int())
    expected = torch.cat([x.flip(0), x.flip(0), x, x, x.repeat_interleave(2), x])
    assert torch.equal(y, expected)


def test_programs_run_with_x_innermost() -> None:
    order, counter = torch.zeros(2, 3, 4, dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
    interpret(order_kernel, (4, 3, 2), [order, counter])
    assert torch.equal(order.ravel(), torch.arange(24, dtype=torch.int32))


@triton.jit
def order_kernel(order, counter):
    x, y, z = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    position = (z * tl.num_programs(1) + y) * tl.num_programs(0) + x
    tl.store(order + position, tl.atomic_add(counter, 1))


def plain_kernel(x, n):
    value = tl.load(x)
    tl.store(x, value + n)


def test_a_plain_function_is_a_kernel_too() -> None:
    x = torch.zeros(1)
    interpret(plain_kernel, (3, 1, 1), [x, 2])
    assert x.item() == 6


@triton.jit
def failing_kernel(x, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    if tl.load(x + i) > 0:  # the failing line
        tl.store(x, 0.0)


def test_an_error_shows_the_line_of_the_kernel_and_the_program() -> None:
    with pytest.raises(ValueError, match="condition must be a scalar") as caught:
        interpret(failing_kernel, ONE, [torch.zeros(8)], {"BLOCK": 8})
    text = "".join(traceback.format_exception(caught.value))
    assert "# the failing line" in text
    assert "in kernel 'failing_kernel', program (0, 0, 0) of (1, 1, 1)" in text


def emitted(source: str, filename: str) -> Callable[..., Any]:
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"triton": triton, "tl": tl}
    exec(compile(source, filename, "exec"), namespace)
    return namespace["kernel"]


def test_the_line_of_an_emitted_kernel() -> None:
    kernel = emitted(
        "@triton.jit\ndef kernel(x):\n    y = tl.load(x)\n    y.nothing()\n", "<emitted>"
    )
    with pytest.raises(AttributeError, match="nothing") as caught:
        interpret(kernel, ONE, [torch.zeros(1)])
    assert 'File "<emitted>", line 4' in "".join(traceback.format_exception(caught.value))


@triton.jit
def assembly_kernel(x):
    value = tl.inline_asm_elementwise(
        "mov.b32 $0, $1;", "=r,r", [tl.load(x)], tl.float32, is_pure=True, pack=1
    )
    tl.store(x, value)


def test_inline_assembly_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match=r"inline_asm_elementwise .*mov\.b32"):
        interpret(assembly_kernel, ONE, [torch.zeros(1)])


def test_inline_assembly_computes_what_the_caller_says() -> None:
    x = torch.tensor([1.5])
    negated = {"mov.b32 $0, $1;": lambda value: value.view(np.uint32) ^ np.uint32(1 << 31)}
    interpret(assembly_kernel, ONE, [x], assembly=negated)
    assert x.tolist() == [-1.5]


@pytest.mark.parametrize(
    ("arguments", "constants", "expected"),
    [
        (
            [torch.zeros(1)],
            {},
            r"takes 2 arguments besides its constants \(x, n\), but 1 were given",
        ),
        ([torch.zeros(1), 1, 2], {}, "but 3 were given"),
        ([torch.zeros(1)], {"m": 1, "n": 1}, r"no parameters named \['m'\]"),
        ([torch.zeros(1), "one"], {}, "argument 'n' is a str"),
        ([torch.zeros(1, dtype=torch.complex64), 1], {}, "complex64"),
    ],
)
def test_arguments_that_do_not_fit(
    arguments: list[Any], constants: dict[str, Any], expected: str
) -> None:
    with pytest.raises(TypeError, match=expected):
        interpret(plain_kernel, ONE, arguments, constants)


def test_a_kernel_defined_in_a_function_sees_its_names() -> None:
    factor = tl.constexpr(3)

    @triton.jit
    def increment(value):
        return value + factor

    @triton.jit
    def kernel(x):
        tl.store(x, increment(tl.load(x)) * factor)

    x = torch.ones(1)
    interpret(kernel, ONE, [x])
    assert x.item() == 12


@triton.jit
def twice(value):
    return value * 2


@triton.jit
def mapping_kernel(x):
    i = tl.arange(0, 8)
    tl.store(x + i, tl.map_elementwise(twice, tl.load(x + i)))


def test_map_elementwise() -> None:
    x = torch.arange(8.0)
    interpret(mapping_kernel, ONE, [x])
    assert torch.equal(x, torch.arange(8.0) * 2)


@triton.jit
def scalar_kernel(out, truth, small, large, huge, number):
    tl.static_assert(truth.dtype == tl.int1)
    tl.static_assert(small.dtype == tl.int32)
    tl.static_assert(large.dtype == tl.int64)
    tl.static_assert(huge.dtype == tl.uint64)
    tl.static_assert(number.dtype == tl.float32)
    tl.store(out, large)
    tl.store(out + 1, (huge // 2).to(tl.int64))
    tl.store(out + 2, small.to(tl.int64) if truth else 0)


def test_numbers_have_the_types_of_a_launch() -> None:
    out = torch.empty(3, dtype=torch.int64)
    interpret(scalar_kernel, ONE, [out, True, -5, 3_000_000_000, 2**64 - 2, 1e300])
    assert out.tolist() == [3_000_000_000, 2**63 - 1, -5]


def test_a_tensor_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="argument 'x' is on meta"):
        interpret(plain_kernel, ONE, [torch.zeros(1, device="meta"), 1])


@triton.jit
def printing_kernel(x):
    tl.device_print("value", tl.load(x + tl.arange(0, 2)))


def test_device_print_shows_values(capsys: pytest.CaptureFixture[str]) -> None:
    interpret(printing_kernel, ONE, [torch.tensor([1.5, -2.0], dtype=torch.bfloat16)])
    assert capsys.readouterr().out.split() == ["(0,", "0,", "0)", "value:", "[", "1.5", "-2.", "]"]
