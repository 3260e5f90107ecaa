"""Arithmetic, casts, comparisons, dots and reductions of every type, against PyTorch."""

from typing import Any

import pytest
import torch
import triton
import triton.language as tl

from helion_compiler.interpreting import interpret

SIZE: tl.constexpr = tl.constexpr(256)
ONE = (1, 1, 1)
FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
EIGHT_BITS = [torch.float8_e4m3fn, torch.float8_e5m2]
INTEGERS = [torch.int8, torch.int16, torch.int32, torch.int64]
UNSIGNED = [torch.uint8, torch.uint16, torch.uint32, torch.uint64]


def floats(dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(256, generator=generator) * 3).to(dtype)


@triton.jit
def cast_kernel(x, y):
    i = tl.arange(0, SIZE)
    tl.store(y + i, tl.load(x + i).to(y.dtype.element_ty))


@pytest.mark.parametrize("target", FLOATS + EIGHT_BITS, ids=str)
@pytest.mark.parametrize("source", FLOATS + EIGHT_BITS, ids=str)
def test_casts_between_floats_round_as_torch_does(source: torch.dtype, target: torch.dtype) -> None:
    x = floats().to(source)
    x.view(torch.uint8)[: x.element_size()] = torch.tensor([torch.nan]).to(source).view(torch.uint8)
    y = torch.empty(256, dtype=target)
    interpret(cast_kernel, ONE, [x, y])
    torch.testing.assert_close(y.double(), x.to(target).double(), rtol=0, atol=0, equal_nan=True)


def test_ties_round_to_even_in_bfloat16() -> None:
    one = 0x3F80
    bits = torch.arange(256, dtype=torch.int32) * 0x8000 + (one << 16)  # every second one is a tie
    x, y = bits.view(torch.float32), torch.empty(256, dtype=torch.bfloat16)
    interpret(cast_kernel, ONE, [x, y])
    assert torch.equal(y, x.to(torch.bfloat16))


@pytest.mark.parametrize("dtype", EIGHT_BITS, ids=str)
def test_casts_to_eight_bits_round_every_half_float_and_saturate(dtype: torch.dtype) -> None:
    largest = torch.finfo(dtype).max
    every = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(torch.float16)
    y = torch.empty(65536, dtype=dtype)
    for start in range(0, 65536, 256):
        interpret(cast_kernel, ONE, [every[start : start + 256], y[start : start + 256]])
    expected = every.float().clamp(-largest, largest).to(dtype)
    torch.testing.assert_close(y.float(), expected.float(), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("target", INTEGERS + UNSIGNED, ids=str)
@pytest.mark.parametrize("source", [*FLOATS, torch.bool, torch.int32, torch.uint8], ids=str)
def test_casts_to_integers(source: torch.dtype, target: torch.dtype) -> None:
    x = (floats().abs() * 9).to(source)
    y = torch.empty(256, dtype=target)
    interpret(cast_kernel, ONE, [x, y])
    assert torch.equal(y, x.to(target))


@pytest.mark.parametrize("target", FLOATS, ids=str)
@pytest.mark.parametrize("source", [*INTEGERS, *UNSIGNED, torch.bool], ids=str)
def test_casts_from_integers(source: torch.dtype, target: torch.dtype) -> None:
    x = torch.arange(-128, 128).to(source)
    y = torch.empty(256, dtype=target)
    interpret(cast_kernel, ONE, [x, y])
    torch.testing.assert_close(y, x.to(target), rtol=0, atol=0)


def test_floats_beyond_an_integer_saturate_and_nan_is_zero() -> None:
    x = torch.zeros(256)
    x[:5] = torch.tensor([1e30, -1e30, torch.nan, torch.inf, -torch.inf])
    for dtype in (torch.int32, torch.int64):
        y = torch.empty(256, dtype=dtype)
        interpret(cast_kernel, ONE, [x, y])
        low, high = torch.iinfo(dtype).min, torch.iinfo(dtype).max
        assert y[:5].tolist() == [high, low, 0, high, low]


@triton.jit
def rtz_kernel(x, y):
    i = tl.arange(0, SIZE)
    tl.store(y + i, tl.load(x + i).to(tl.bfloat16, fp_downcast_rounding="rtz"))


def test_rounding_toward_zero() -> None:
    x, y = floats(), torch.empty(256, dtype=torch.bfloat16)
    interpret(rtz_kernel, ONE, [x, y])
    kept = x.view(torch.int32) & ~0xFFFF
    assert torch.equal(y.float(), kept.view(torch.float32))


@triton.jit
def arithmetic_kernel(x, y, z):
    i = tl.arange(0, SIZE)
    a, b = tl.load(x + i), tl.load(y + i)
    tl.store(z + i, a + b)
    tl.store(z + SIZE + i, a - b)
    tl.store(z + 2 * SIZE + i, a * b)
    tl.store(z + 3 * SIZE + i, (a / b).to(a.dtype))
    tl.store(z + 4 * SIZE + i, -a)
    tl.store(z + 5 * SIZE + i, tl.abs(a))
    tl.store(z + 6 * SIZE + i, tl.where(a < b, a, b))
    tl.store(z + 7 * SIZE + i, (a >= b).to(a.dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_arithmetic_of_floats_rounds_every_step(dtype: torch.dtype) -> None:
    x, y, z = floats(dtype, 1), floats(dtype, 2), torch.empty(8, 256, dtype=dtype)
    y[0] = 0
    interpret(arithmetic_kernel, ONE, [x, y, z])
    quotient = (x.float() / y.float()).to(dtype) if dtype != torch.float64 else x / y
    expected = [x + y, x - y, x * y, quotient, -x, x.abs(), torch.minimum(x, y), (x >= y).to(dtype)]
    torch.testing.assert_close(z, torch.stack(expected), rtol=0, atol=0)


@triton.jit
def extrema_kernel(x, y, z):
    i = tl.arange(0, SIZE)
    a, b = tl.load(x + i), tl.load(y + i)
    tl.store(z + i, tl.maximum(a, b))
    tl.store(z + SIZE + i, tl.minimum(a, b))
    tl.store(z + 2 * SIZE + i, tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL))
    tl.store(z + 3 * SIZE + i, tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL))
    tl.store(z + 4 * SIZE + i, tl.clamp(a, -1.0, 1.0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_extrema_and_nan(dtype: torch.dtype) -> None:
    x, y, z = floats(dtype, 1), floats(dtype, 2), torch.empty(5, 256, dtype=dtype)
    x[:4], y[2:6] = torch.nan, torch.nan
    interpret(extrema_kernel, ONE, [x, y, z])
    clamped = torch.fmin(torch.fmax(x, torch.tensor(-1.0)), torch.tensor(1.0)).to(dtype)
    expected = [
        torch.fmax(x, y),
        torch.fmin(x, y),
        torch.maximum(x, y),
        torch.minimum(x, y),
        clamped,
    ]
    torch.testing.assert_close(z, torch.stack(expected), rtol=0, atol=0, equal_nan=True)


@triton.jit
def comparison_kernel(x, y, z):
    i = tl.arange(0, SIZE)
    a, b = tl.load(x + i), tl.load(y + i)
    tl.store(z + i, a == b)
    tl.store(z + SIZE + i, a != b)
    tl.store(z + 2 * SIZE + i, a < b)
    tl.store(z + 3 * SIZE + i, a <= b)
    tl.store(z + 4 * SIZE + i, a > b)
    tl.store(z + 5 * SIZE + i, (a > b) & (not (a >= b)) | (a == b and a <= b))


@pytest.mark.parametrize(
    "dtype", [torch.bfloat16, torch.float32, torch.uint32, torch.int8], ids=str
)
def test_comparisons(dtype: torch.dtype) -> None:
    x, y = (torch.randint(0, 2**8, (256,), dtype=torch.int64) for _ in range(2))
    if dtype == torch.uint32:
        x, y = x * 2**24, y * 2**24
    y[::3] = x[::3]
    x, y = x.to(dtype), y.to(dtype)
    if dtype.is_floating_point:
        x[5], y[6] = torch.nan, torch.nan
    z = torch.empty(6, 256, dtype=torch.bool)
    interpret(comparison_kernel, ONE, [x, y, z])
    wide = torch.int64 if dtype == torch.uint32 else dtype
    x, y = x.to(wide), y.to(wide)
    assert torch.equal(z, torch.stack([x == y, x != y, x < y, x <= y, x > y, x == y]))


@triton.jit
def integer_kernel(x, y, z):
    i = tl.arange(0, SIZE)
    a, b = tl.load(x + i), tl.load(y + i)
    tl.store(z + i, a // b)
    tl.store(z + SIZE + i, a % b)
    tl.store(z + 2 * SIZE + i, a >> 1)
    tl.store(z + 3 * SIZE + i, a * b)
    tl.store(z + 4 * SIZE + i, tl.maximum(a, b))


@pytest.mark.parametrize(
    "dtype", [torch.int8, torch.int32, torch.int64, torch.uint8, torch.uint32], ids=str
)
def test_integers_divide_as_in_c(dtype: torch.dtype) -> None:
    limits = torch.iinfo(dtype)
    x = torch.randint(limits.min, limits.max, (256,), dtype=torch.int64)
    y = torch.randint(1, 100, (256,), dtype=torch.int64)
    if dtype.is_signed:
        y[::2] *= -1
    z = torch.empty(5, 256, dtype=dtype)
    interpret(integer_kernel, ONE, [x.to(dtype), y.to(dtype), z])
    quotient = torch.div(x, y, rounding_mode="trunc")
    expected = [quotient, x - quotient * y, x >> 1, x * y, torch.maximum(x, y)]
    assert torch.equal(z, torch.stack(expected).to(dtype))


def test_integer_division_by_zero_does_not_stop_the_kernel() -> None:
    x, y = torch.arange(256, dtype=torch.int32), torch.zeros(256, dtype=torch.int32)
    z = torch.empty(5, 256, dtype=torch.int32)
    interpret(integer_kernel, ONE, [x, y, z])
    assert (z[0] == -1).all()
    assert torch.equal(z[1], x)


@triton.jit
def umulhi_kernel(x, y, z):
    i = tl.arange(0, SIZE)
    tl.store(z + i, tl.umulhi(tl.load(x + i), tl.load(y + i)))


@pytest.mark.parametrize("dtype", [torch.uint32, torch.uint64], ids=str)
def test_the_upper_half_of_a_product(dtype: torch.dtype) -> None:
    bits = 8 * dtype.itemsize
    raw = torch.randint(0, 256, (2, 256, dtype.itemsize), dtype=torch.uint8)
    x, y = raw.view(dtype)[..., 0].contiguous()
    z = torch.empty(256, dtype=dtype)
    interpret(umulhi_kernel, ONE, [x, y, z])
    assert z.tolist() == [(a * b) >> bits for a, b in zip(x.tolist(), y.tolist(), strict=True)]


@triton.jit
def math_kernel(x, z):
    i = tl.arange(0, SIZE)
    a = tl.load(x + i)
    tl.store(z + i, tl.exp(-a))
    tl.store(z + SIZE + i, tl.math.exp2(a))
    tl.store(z + 2 * SIZE + i, tl.log(a) + tl.log2(a))
    tl.store(z + 3 * SIZE + i, tl.sin(a) + tl.cos(a))
    tl.store(z + 4 * SIZE + i, tl.math.rsqrt(a) + tl.sqrt(a) + tl.sqrt_rn(a))
    tl.store(z + 5 * SIZE + i, tl.erf(a))
    tl.store(z + 6 * SIZE + i, tl.floor(a) + tl.ceil(a))
    tl.store(z + 7 * SIZE + i, tl.sigmoid(a))
    tl.store(z + 8 * SIZE + i, tl.fdiv(a, 3.0) + tl.div_rn(a, 7.0))
    tl.store(z + 9 * SIZE + i, tl.fma(a, a, a))


def test_mathematical_functions() -> None:
    x, z = floats().abs() + 0.1, torch.empty(10, 256)
    interpret(math_kernel, ONE, [x, z])
    expected = [
        torch.exp(-x), torch.exp2(x), x.log() + x.log2(), x.sin() + x.cos(), x.rsqrt() + 2 * x.sqrt(),
        x.erf(), x.floor() + x.ceil(), x.sigmoid(), x / 3 + x / 7, x * x + x,
    ]  # fmt: skip
    torch.testing.assert_close(z, torch.stack(expected))


@triton.jit
def dot_kernel(a, b, c, out, PRECISION: tl.constexpr, KIND: tl.constexpr):
    i, j, k = tl.arange(0, 16), tl.arange(0, 32), tl.arange(0, 64)
    x = tl.load(a + i[:, None] * 64 + k[None, :])
    y = tl.load(b + k[:, None] * 32 + j[None, :])
    acc = tl.load(c + i[:, None] * 32 + j[None, :])
    z = tl.dot(x, y, acc, input_precision=PRECISION, out_dtype=KIND)
    tl.store(out + i[:, None] * 32 + j[None, :], z)


@pytest.mark.parametrize(
    ("operands", "result"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float16, torch.float16),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.int8, torch.int32),
        (torch.float8_e4m3fn, torch.float32),
        (torch.float8_e5m2, torch.float32),
    ],
    ids=str,
)
def test_dots(operands: torch.dtype, result: torch.dtype) -> None:
    a, b = (torch.randn(16, 64) * 4).to(operands), (torch.randn(64, 32) * 4).to(operands)
    c, out = (torch.randn(16, 32) * 4).to(result), torch.empty(16, 32, dtype=result)
    kinds = {
        torch.float32: tl.float32,
        torch.float16: tl.float16,
        torch.float64: tl.float64,
        torch.int32: tl.int32,
    }
    constants = {"PRECISION": "ieee", "KIND": kinds[result]}
    interpret(dot_kernel, ONE, [a, b, c, out], constants)
    expected = (a.double() @ b.double() + c.double()).to(result)
    torch.testing.assert_close(
        out, expected, rtol=1e-3 if result == torch.float16 else 1e-5, atol=1e-3
    )


@triton.jit
def batched_dot_kernel(a, b, out):
    n = tl.arange(0, 4)[:, None, None] * 256
    i, j = tl.arange(0, 16)[:, None], tl.arange(0, 16)[None, :]
    x = tl.load(a + n + i * 16 + j)
    y = tl.load(b + n + i * 16 + j)
    tl.store(out + n + i * 16 + j, tl.dot(x, y, allow_tf32=False))


def test_a_batch_of_dots() -> None:
    a, b = torch.randn(2, 4, 16, 16).to(torch.bfloat16)
    out = torch.empty(4, 16, 16)
    interpret(batched_dot_kernel, ONE, [a, b, out])
    torch.testing.assert_close(out, a.float() @ b.float())


@triton.jit
def reduction_kernel(x, sums, largest, smallest, where):
    i, j = tl.arange(0, 8), tl.arange(0, 32)
    a = tl.load(x + i[:, None] * 32 + j[None, :])
    tl.store(sums + i, tl.sum(a, axis=1))
    tl.store(largest + i, tl.max(a, axis=1))
    tl.store(smallest + i, tl.min(a, axis=-1))
    tl.store(where + i, tl.argmax(a, axis=1))
    tl.store(where + 8 + i, tl.argmin(a, axis=1))
    tl.store(sums + 8, tl.sum(a))


@pytest.mark.parametrize("dtype", [*FLOATS, torch.int32, torch.int8, torch.uint8], ids=str)
def test_reductions(dtype: torch.dtype) -> None:
    x = (torch.randn(8, 32) * 20).abs().to(dtype)
    sums = torch.empty(9, dtype=dtype if dtype.is_floating_point else torch.int32)
    largest, smallest = torch.empty(8, dtype=dtype), torch.empty(8, dtype=dtype)
    where = torch.empty(2, 8, dtype=torch.int32)
    interpret(reduction_kernel, ONE, [x, sums, largest, smallest, where])
    wide = x.double()
    expected = torch.cat([wide.sum(1), wide.sum().reshape(1)]).to(sums.dtype)
    torch.testing.assert_close(sums, expected)
    assert torch.equal(largest, x.amax(1))
    assert torch.equal(smallest, x.amin(1))
    torch.testing.assert_close(wide.gather(1, where[0].long()[:, None])[:, 0], wide.amax(1))
    torch.testing.assert_close(wide.gather(1, where[1].long()[:, None])[:, 0], wide.amin(1))


@triton.jit
def product(a, b):
    return a * b


@triton.jit
def welford(mean, m2, weight, mean_other, m2_other, weight_other):
    delta = mean_other - mean
    total = weight + weight_other
    ratio = weight_other / total
    return mean + delta * ratio, m2 + m2_other + delta * delta * weight * ratio, total


@triton.jit
def custom_reduction_kernel(x, out):
    i, j = tl.arange(0, 4), tl.arange(0, 64)
    a = tl.load(x + i[:, None] * 64 + j[None, :])
    tl.store(out + i, tl.reduce(a, 1, product))
    mean, m2, weight = tl.reduce((a, tl.zeros_like(a), tl.full(a.shape, 1.0, a.dtype)), 1, welford)
    tl.store(out + 4 + i, mean)
    tl.store(out + 8 + i, m2 / weight)
    kept = tl.max(a, axis=1, keep_dims=True)
    tl.store(out + 12 + i[:, None], kept)


def test_reductions_with_functions_of_the_kernel() -> None:
    x, out = torch.rand(4, 64) + 0.5, torch.empty(4, 4)
    interpret(custom_reduction_kernel, ONE, [x, out])
    expected = [x.prod(1), x.mean(1), x.var(1, correction=0), x.amax(1)]
    torch.testing.assert_close(out, torch.stack(expected))


@triton.jit
def linear_recurrence(a, b, a_next, b_next):
    return a * a_next, b * a_next + b_next


@triton.jit
def scan_kernel(x, out):
    i, j = tl.arange(0, 4)[:, None] * 64, tl.arange(0, 64)[None, :]
    a = tl.load(x + i + j)
    tl.store(out + i + j, tl.cumsum(a, axis=1))
    tl.store(out + 256 + i + j, tl.cumsum(a, axis=1, reverse=True))
    tl.store(out + 512 + i + j, tl.cumprod(a, axis=1))
    _, state = tl.associative_scan((a, a), 1, linear_recurrence)
    tl.store(out + 768 + i + j, state)


def test_scans() -> None:
    x, out = torch.rand(4, 64), torch.empty(4, 4, 64)
    interpret(scan_kernel, ONE, [x, out])
    state, states = torch.zeros(4), []
    for column in x.T:
        state = state * column + column
        states.append(state)
    expected = [x.cumsum(1), x.flip(1).cumsum(1).flip(1), x.cumprod(1), torch.stack(states, 1)]
    torch.testing.assert_close(out, torch.stack(expected))


@triton.jit
def softmax_kernel(x, y, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    column = tl.arange(0, BLOCK)
    mask = column < n
    values = tl.load(x + row * n + column, mask=mask, other=float("-inf"))
    shifted = values.to(tl.float32) - tl.max(values, axis=0)
    numerator = tl.exp(shifted)
    tl.store(
        y + row * n + column, (numerator / tl.sum(numerator)).to(y.dtype.element_ty), mask=mask
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_softmax(dtype: torch.dtype) -> None:
    x = torch.randn(5, 100).to(dtype)
    y = torch.empty_like(x)
    interpret(softmax_kernel, (5, 1, 1), [x, y, 100], {"BLOCK": 128})
    torch.testing.assert_close(y, torch.softmax(x.float(), 1).to(dtype))


def test_no_warning_escapes(recwarn: Any) -> None:
    x, y = torch.zeros(256), torch.zeros(256)
    interpret(arithmetic_kernel, ONE, [x, y, torch.empty(8, 256)])
    assert not [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)]
