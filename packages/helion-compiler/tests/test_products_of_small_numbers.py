"""Products of small and scaled numbers, interpreted: as in reference mode, at odd sizes below Triton's least."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion import exc, reference
from helion_compiler.building import parse_target


def product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    _, n = y.size()
    dtype = torch.float32 if x.dtype.is_floating_point else torch.int32
    out = torch.empty([m, n], dtype=dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=dtype)
        for tile_k in hl.tile(k):
            acc = hl.dot(x[tile_m, tile_k], y[tile_k, tile_n], acc=acc)
        out[tile_m, tile_n] = acc
    return out


E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2
DTYPES = [
    (torch.float16, torch.float16),
    (torch.bfloat16, torch.bfloat16),
    (torch.float32, torch.float32),
    (torch.int8, torch.int8),
    (E4M3, E4M3),
    (E5M2, E5M2),
    (E4M3, E5M2),
    (torch.bfloat16, torch.float32),
]


@pytest.mark.parametrize("dtypes", DTYPES, ids=str)
@pytest.mark.parametrize("sizes", [(5, 7, 3), (33, 40, 17)])
def test_dtypes_of_products(dtypes: tuple[torch.dtype, ...], sizes: tuple[int, ...]) -> None:
    m, k, n = sizes
    x, y = (torch.randn(m, k) * 3).to(dtypes[0]), (torch.randn(k, n) * 3).to(dtypes[1])
    found = helion.kernel(product, config=helion.Config(block_sizes=[16, 16, 32]))(x, y)
    expected = reference.run(product, (x, y), block_sizes=[16, 16, 32]).outputs
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("dtypes", DTYPES, ids=str)
def test_products_compile_for_a_gpu(dtypes: tuple[torch.dtype, ...]) -> None:
    x, y = torch.ones(33, 40).to(dtypes[0]), torch.ones(40, 17).to(dtypes[1])
    bound: Any = helion.kernel(product).bind((x, y))
    config = helion.Config(block_sizes=[16, 16, 32])
    built = bound._implementation.specialized.build(config, parse_target("sm_90"))
    assert len(built.image.binary) > 1000


def test_batches() -> None:
    def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        b, m, _ = x.size()
        out = torch.empty([b, m, y.size(2)], dtype=torch.float32, device=x.device)
        for tile_b, tile_m in hl.tile([b, m]):
            out[tile_b, tile_m, :] = hl.dot(x[tile_b, tile_m, :], y[tile_b, :, :])
        return out

    x, y = torch.randn(3, 9, 20).half(), torch.randn(3, 20, 6).half()
    found = helion.kernel(kernel, config=helion.Config(block_sizes=[2, 16]))(x, y)
    torch.testing.assert_close(found, x.float() @ y.float(), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int8, E4M3], ids=str)
@pytest.mark.parametrize("depth", [1, 2, 8, 16])
def test_small_blocks_of_the_author(dtype: torch.dtype, depth: int) -> None:
    """Triton's products sum over 16 lanes at least, over 32 of bytes."""

    def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        b, m, k = x.size()
        out_dtype = torch.float32 if x.dtype.is_floating_point else torch.int32
        out = torch.empty([b, m, y.size(2)], dtype=out_dtype, device=x.device)
        for tile_b, tile_m in hl.tile([b, m], block_size=[None, 16]):
            acc = hl.zeros([tile_b, tile_m, y.size(2)], dtype=out_dtype)
            for tile_k in hl.tile(k, block_size=depth):
                acc = hl.dot(x[tile_b, tile_m, tile_k], y[tile_b, tile_k, :], acc=acc)
            out[tile_b, tile_m, :] = acc
        return out

    x, y = (torch.randint(-3, 4, shape).to(dtype) for shape in ((3, 5, 17), (3, 17, 6)))
    expected = (x.double() @ y.double()).to(torch.int32 if dtype is torch.int8 else torch.float32)
    for batch in (1, 2):
        config = helion.Config(block_sizes=[batch])
        torch.testing.assert_close(helion.kernel(kernel, config=config)(x, y), expected)
        bound: Any = helion.kernel(kernel).bind((x, y))
        assert bound._implementation.specialized.build(config, parse_target("sm_90")).image.binary


@pytest.mark.parametrize("dtype", [torch.int8, E4M3, torch.bfloat16], ids=str)
def test_products_over_short_dimensions_compile_for_a_gpu(dtype: torch.dtype) -> None:
    """Bytes are summed over 32 lanes at least."""

    def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out_dtype = torch.float32 if x.dtype.is_floating_point else torch.int32
        out = torch.empty([x.size(0), y.size(1)], dtype=out_dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile, :] = hl.dot(x[tile, :], y[:, :])
        return out

    x, y = (torch.randint(-3, 4, shape).to(dtype) for shape in ((5, 4), (4, 6)))
    config = helion.Config(block_sizes=[16])
    found = helion.kernel(kernel, config=config)(x, y)
    torch.testing.assert_close(found.double(), x.double() @ y.double())
    bound: Any = helion.kernel(kernel).bind((x, y))
    assert bound._implementation.specialized.build(config, parse_target("sm_90")).image.binary


def scaled(
    x: torch.Tensor,
    x_scale: torch.Tensor,
    x_format: hl.constexpr,
    y: torch.Tensor,
    y_scale: torch.Tensor,
    y_format: hl.constexpr,
) -> torch.Tensor:
    m, n = x.size(0), y.size(1)
    out = torch.empty([m, n], dtype=torch.float32, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        out[tile_m, tile_n] = hl.dot_scaled(
            x[tile_m, :], x_scale[tile_m, :], x_format, y[:, tile_n], y_scale[tile_n, :], y_format
        )
    return out


def numbers(form: str, rows: int, inner: int) -> torch.Tensor:
    """``[rows, inner]`` numbers of a format, the 4-bit ones two in a byte."""
    if form == "e2m1":
        return torch.randint(0, 256, (rows, inner // 2), dtype=torch.uint8)
    dtype = {"e4m3": E4M3, "e5m2": E5M2, "bf16": torch.bfloat16, "fp16": torch.float16}[form]
    return torch.randn(rows, inner).to(dtype)


FORMATS = [("e2m1", "e2m1"), ("e4m3", "e5m2"), ("e2m1", "e4m3"), ("bf16", "e4m3"), ("fp16", "bf16")]


def operands(forms: tuple[str, str], inner: int) -> tuple[Any, ...]:
    x, y = numbers(forms[0], 9, inner), numbers(forms[1], 11, inner)
    scales = [torch.randint(120, 135, (rows, inner // 32), dtype=torch.uint8) for rows in (9, 11)]
    return x, scales[0], forms[0], y.t().contiguous(), scales[1], forms[1]


@pytest.mark.parametrize("inner", [64, 96])
@pytest.mark.parametrize("forms", FORMATS, ids=str)
def test_scaled_products(forms: tuple[str, str], inner: int) -> None:
    args = operands(forms, inner)
    found = helion.kernel(scaled, config=helion.Config(block_sizes=[16, 16]))(*args)
    expected = reference.run(scaled, args, block_sizes=[16, 16]).outputs
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-3 * float(expected.abs().max()))


@pytest.mark.parametrize("forms", FORMATS, ids=str)
def test_scaled_products_compile_for_a_gpu(forms: tuple[str, str]) -> None:
    bound: Any = helion.kernel(scaled).bind(operands(forms, 64))
    config = helion.Config(block_sizes=[16, 16])
    built = bound._implementation.specialized.build(config, parse_target("sm_90"))
    assert len(built.image.binary) > 1000


def test_a_scale_that_is_not_a_number() -> None:
    args = operands(("e4m3", "e4m3"), 64)
    args[1][2, 1] = 255
    found = helion.kernel(scaled, config=helion.Config(block_sizes=[16, 16]))(*args)
    assert found[2].isnan().all()
    assert not found[3:].isnan().any()


def test_formats_and_dtypes_have_to_agree() -> None:
    args = operands(("e4m3", "e4m3"), 64)
    with pytest.raises(exc.InvalidAPIUsage, match="is no format"):
        helion.kernel(scaled)(*args[:2], "e3m4", *args[3:])
    with pytest.raises(exc.InvalidAPIUsage, match="float8_e5m2, not"):
        helion.kernel(scaled)(*args[:2], "e5m2", *args[3:])
