"""Operators along rows of a tile: each agrees with torch, in the last, partial tile too, and compiles for a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.building import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, COLUMNS = 5, 13

FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "slice": lambda x: x[:, 3:9],
    "slice by steps": lambda x: x[:, 1::3],
    "narrow": lambda x: x.narrow(1, 2, 4),
    "split": lambda x: torch.split(x, 5, 1)[1] * torch.split(x, [1, 5, 7], 1)[1],
    "chunk": lambda x: torch.chunk(x, 3, -1)[2],
    "unbind": lambda x: torch.unbind(x, 1)[4] - x.unbind(1)[-1],
    "select": lambda x: x.select(1, -2),
    "cat": lambda x: torch.cat([x, x[:, :2], x * 2], 1),
    "stack": lambda x: torch.stack([x, -x], 1),
    "flip": lambda x: x.flip(1),
    "roll": lambda x: x.roll(4, 1),
    "repeat": lambda x: x.repeat(1, 3),
    "pad": lambda x: torch.nn.functional.pad(x, (2, 3), value=7.0),
    "pad by less": lambda x: torch.nn.functional.pad(x, (-2, 1)),
    "reflect": lambda x: torch.nn.functional.pad(x, (3, 2), mode="reflect"),
    "unfold": lambda x: x.unfold(1, 4, 3),
    "windows": lambda x: x.unfold(1, 3, 1).mean(-1),
    "reshape": lambda x: x[:, :12].reshape(-1, 3, 4).transpose(1, 2).reshape(-1, 12),
    "glu": lambda x: torch.nn.functional.glu(x[:, :12], 1),
    "select_scatter": lambda x: x.select_scatter(x[:, 0], 1, 3),
    "slice_scatter": lambda x: x.slice_scatter(x[:, :4], 1, 2, 10, 2),
    "take columns": lambda x: torch.index_select(x, 1, torch.arange(4, device=x.device) * 3),
    "tril of a square": lambda x: (x[:, :, None] * x[:, None, :]).tril(-1),
    "diagonal": lambda x: (x[:, :, None] + x[:, None, :] * 2).diagonal(2, 1, 2),
    "trapezoid": lambda x: torch.trapezoid(x, dim=1),
    "diff": lambda x: torch.diff(x, dim=1),
    "cumsum": lambda x: x.cumsum(1),
    "cumprod": lambda x: x.cumprod(1),
    "cummax": lambda x: x.cummax(1).values,
    "where it was largest so far": lambda x: x.cummax(1).indices,
    "cummin": lambda x: x.cummin(1).indices,
    "logcumsumexp": lambda x: x.logcumsumexp(1),
    "sort": lambda x: x.sort(1).values,
    "sort down": lambda x: x.round().sort(dim=1, descending=True, stable=True).indices,
    "sort with NaN": lambda x: torch.where(x > 1, float("nan"), x).sort(1).values,
    "topk": lambda x: x.topk(4, 1).values,
    "least": lambda x: x.topk(3, 1, largest=False).indices,
    "kthvalue": lambda x: x.kthvalue(5, 1, keepdim=True).indices,
    "median": lambda x: x.median(1).values,
    "nanmedian": lambda x: torch.where(x > 1, float("nan"), x).nanmedian(1).values,
    "ranks": lambda x: x.argsort(1).argsort(1),
    "bucketize": lambda x: torch.bucketize(x, torch.arange(4, device=x.device) - 1.5, right=True),
    "bits": lambda x: x.view(torch.int32) >> 23,
    "any": lambda x: (x > 1).any(1),
    "all": lambda x: (x > -9).all(1, keepdim=True),
    "count_nonzero": lambda x: torch.count_nonzero(x > 0, 1),
    "argmax": lambda x: x.round().argmax(1),
    "logsumexp": lambda x: x.logsumexp(1),
    "norm": lambda x: torch.linalg.vector_norm(x, 3, 1),
    "group_norm": lambda x: torch.nn.functional.group_norm(x[:, :12, None], 4)[:, :, 0],
    "constant": lambda x: torch.where(x > 0, x, torch.tensor(2.0)),
}


def kernel_of(function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    @helion.kernel(config=helion.Config(block_sizes=[4]))
    def kernel(x: torch.Tensor, out: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            out[tile, ...] = function(x[tile, :])

    return kernel


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [torch.float32], ids=str)
def test_agrees_with_torch_and_compiles(name: str, dtype: torch.dtype) -> None:
    function = FUNCTIONS[name]
    x = torch.randn(ROWS, COLUMNS, generator=torch.Generator().manual_seed(3)).to(dtype)
    expected = function(x)
    out = torch.full_like(expected, 1 if expected.dtype is torch.bool else 77)
    kernel = kernel_of(function)
    kernel(x, out)
    torch.testing.assert_close(out, expected, equal_nan=True)
    specialized = kernel.bind((x, out))._implementation.specialized
    assert specialized.build(helion.Config(block_sizes=[4]), parse_target("sm_90")).image.binary


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cat", "argmax", "any", "sort"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.int32, torch.int64], ids=str)
def test_agrees_in_other_types(name: str, dtype: torch.dtype) -> None:
    function = FUNCTIONS[name]
    x = (torch.randn(ROWS, COLUMNS, generator=torch.Generator().manual_seed(3)) * 2).to(dtype)
    expected = function(x)
    out = torch.empty_like(expected)
    kernel_of(function)(x, out)
    torch.testing.assert_close(out, expected)


def test_a_slice_is_not_changed_in_place() -> None:
    """The tile that it is a part of would have to change too, and does not."""

    def function(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y[:, 1:3].add_(1)
        return y

    x = torch.zeros(ROWS, COLUMNS)
    with pytest.raises(helion.exc.StatementNotSupported, match="view of a tile"):
        kernel_of(function).bind((x, x))


@pytest.mark.parametrize(
    ("dtype", "seen_as"), [(torch.bfloat16, torch.int16), (torch.int32, torch.float32)], ids=str
)
def test_bits_of_other_types(dtype: torch.dtype, seen_as: torch.dtype) -> None:
    x = torch.arange(-30, 30).view(5, 12).to(dtype)
    out = torch.zeros(5, 12, dtype=seen_as)
    kernel_of(lambda tile: tile.view(seen_as))(x, out)
    assert torch.equal(out.view(dtype), x)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int8])
def test_sums_of_products_are_rounded_once(dtype: torch.dtype) -> None:
    @helion.kernel()
    def kernel(total: torch.Tensor, lhs: torch.Tensor, rhs: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(total)
        for tile in hl.tile(total.size(0)):
            out[tile, :] = torch.addbmm(
                total[tile, :], lhs[:, tile, :], rhs[:, :, :], beta=0.5, alpha=1.25
            )
        return out

    total, lhs, rhs = (
        torch.randint(-4, 5, shape).to(dtype) for shape in ((16, 16), (5, 16, 16), (5, 16, 16))
    )
    factors = (0.5, 1.25) if dtype.is_floating_point else (0, 1)
    exact = factors[0] * total.double() + factors[1] * (lhs.double() @ rhs.double()).sum(0)
    expected = exact.to(torch.int32).to(dtype) if dtype is torch.int8 else exact.to(dtype)
    assert torch.equal(kernel(total, lhs, rhs), expected)


def test_products_of_merged_blocks_have_lanes_that_triton_has() -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        out = torch.empty([*x.size()[:-1], weight.size(0)], dtype=x.dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile, :, :] = torch.nn.functional.linear(x[tile, :, :], weight[:, :], bias[:])
        return out

    x, weight, bias = torch.randn(2, 3, 16), torch.randn(16, 16), torch.randn(16)
    expected = torch.nn.functional.linear(x, weight, bias)
    torch.testing.assert_close(kernel(x, weight, bias), expected)


def test_a_number_that_inductor_knows_is_one() -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile] = torch.mvlgamma(x[tile], 2)
        return out

    x = torch.rand(37) + 2
    torch.testing.assert_close(kernel(x), torch.mvlgamma(x, 2), rtol=1e-5, atol=1e-5)
