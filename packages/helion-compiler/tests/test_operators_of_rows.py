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
