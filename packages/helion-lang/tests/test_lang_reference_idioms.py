"""What authors write every day, in reference mode: at native and at high precision, with small and large blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
import torch

import helion.language as hl
from helion.reference import run

if TYPE_CHECKING:
    from collections.abc import Callable

GENERATOR = torch.Generator().manual_seed(11)
X = torch.randn(13, 7, generator=GENERATOR)
Y = torch.randn(13, 7, generator=GENERATOR)
COUNTS = torch.randint(0, 7, (13,), generator=GENERATOR)
SCALES = torch.tensor([0.5, 2.0, -1.0])


@attrs.frozen
class Idiom:
    """A kernel that fills ``out``, what it is called with before that, and what should be in there."""

    kernel: Callable[..., None]
    arguments: tuple[Any, ...]
    expected: Callable[..., torch.Tensor]


IDIOMS: list[Idiom] = []


def idiom(*arguments: Any, expected: Callable[..., torch.Tensor]) -> Callable[..., Any]:
    def add(kernel: Callable[..., None]) -> Callable[..., None]:
        IDIOMS.append(Idiom(kernel, arguments, expected))
        return kernel

    return add


@idiom(X, expected=lambda x: x.sum(1))
def accumulating_in_place(x: torch.Tensor, out: torch.Tensor) -> None:
    for tile_m in hl.tile(x.size(0)):
        acc = hl.zeros([tile_m])
        for tile_n in hl.tile(x.size(1)):
            part = x[tile_m, tile_n]
            acc += part.sum(-1)
        out[tile_m] = acc


@idiom(X, Y, expected=lambda x, y: torch.where(x > 0, x, y).clamp(-1, 1))
def choosing(x: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> None:
    for tile in hl.tile(x.size()):
        a, b = x[tile], y[tile]
        out[tile] = torch.clamp(torch.where(a > 0, a, b), -1, 1)


@idiom(X, expected=lambda x: x.sort(1, descending=True).values[:, :3])
def best_three(x: torch.Tensor, out: torch.Tensor) -> None:
    for tile in hl.tile(x.size(0)):
        values, places = torch.topk(x[tile, :], 3, dim=-1)
        assert places.dtype is torch.int64
        out[tile, :] = values


@idiom(X, expected=lambda x: x.sort(1).values)
def sorting(x: torch.Tensor, out: torch.Tensor) -> None:
    for tile in hl.tile(x.size(0)):
        out[tile, :], _ = torch.sort(x[tile, :], dim=-1)


@idiom(X, expected=lambda x: x.argmax(1))
def arguments_of_maxima(x: torch.Tensor, out: torch.Tensor) -> None:
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile, :].argmax(dim=1)


@idiom(X, COUNTS, expected=lambda x, counts: x[torch.arange(13), counts])
def picking_one_of_each_row(x: torch.Tensor, counts: torch.Tensor, out: torch.Tensor) -> None:
    flat = x.view(-1)
    for tile in hl.tile(x.size(0)):
        out[tile] = flat[tile.index * x.size(1) + counts[tile]]


@idiom(X, COUNTS, expected=lambda x, n: (x * (torch.arange(7) < n[:, None])).sum(1))
def row_by_row_with_control_flow(x: torch.Tensor, counts: torch.Tensor, out: torch.Tensor) -> None:
    for i in hl.grid(x.size(0)):
        total = hl.zeros([])
        count = counts[i]
        if count > 0:
            for j in range(count):
                total = total + x[i, j]
        out[i] = total if count > 0 else 0.0


@idiom(X, [SCALES, SCALES * 2], expected=lambda x, _: x * (SCALES.sum() * 3))
def unrolled_over_a_list(x: torch.Tensor, scales: list[torch.Tensor], out: torch.Tensor) -> None:
    for tile in hl.tile(x.size()):
        value = x[tile]
        acc = torch.zeros_like(value)
        for scale in scales:
            for i in hl.static_range(3):
                acc = acc + value * scale[i]
        out[tile] = acc


@idiom(X, expected=lambda x: x.reshape(13, 7, 1).expand(13, 7, 2).reshape(13, 14))
def changing_shapes(x: torch.Tensor, out: torch.Tensor) -> None:
    for tile in hl.tile(x.size(0)):
        value = x[tile, :]
        twice = value.unsqueeze(-1).expand(-1, -1, 2)
        assert value.T.shape == value.permute(1, 0).shape
        assert torch.cat([value, value], 1).shape == torch.stack([value, value], 1).flatten(1).shape
        out[tile, :] = twice.reshape([tile, -1])


@idiom(X, lambda value: value.sigmoid() * 2, expected=lambda x, f: f(x).exp())
def calling_functions(x: torch.Tensor, function: Any, out: torch.Tensor) -> None:
    def inner(value: torch.Tensor) -> torch.Tensor:
        return torch.exp(value)

    for tile in hl.tile(x.size()):
        out[tile] = inner(function(x[tile]))


@idiom(X, expected=lambda x: (x / x.norm(dim=0)).T)
def two_passes_over_columns(x: torch.Tensor, out: torch.Tensor) -> None:
    for tile_n in hl.tile(x.size(1)):
        squares = hl.zeros([tile_n])
        for tile_m in hl.tile(x.size(0)):
            squares = squares + (x[tile_m, tile_n] ** 2).sum(0)
        for tile_m in hl.tile(x.size(0)):
            scaled = x[tile_m, tile_n] * torch.rsqrt(squares)[None, :]
            out[tile_n, tile_m] = scaled.T


@idiom(X, expected=lambda x: x.flip(0) + torch.arange(13)[:, None] % 4)
def positions_as_numbers(x: torch.Tensor, out: torch.Tensor) -> None:
    for tile in hl.tile(x.size(0), block_size=4):
        mirrored = x.size(0) - 1 - tile.index
        inside = tile.index - tile.begin
        out[tile, :] = x[mirrored, :] + inside[:, None]


@idiom(X, expected=lambda x: torch.nn.functional.layer_norm(x, [7]))
def normalising(x: torch.Tensor, out: torch.Tensor) -> None:
    for tile in hl.tile(x.size(0)):
        variance, mean = torch.var_mean(x[tile, :], dim=-1, keepdim=True, correction=0)
        out[tile, :] = (x[tile, :] - mean) * torch.rsqrt(variance + 1e-5)


@idiom(X, Y, expected=lambda x, y: torch.softmax(x @ y.T, -1) @ y)
def attention(x: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> None:
    for tile_m in hl.tile(x.size(0)):
        largest = hl.full([tile_m], float("-inf"))
        total, acc = hl.zeros([tile_m]), hl.zeros([tile_m, x.size(1)])
        for tile_n in hl.tile(y.size(0)):
            scores = hl.dot(x[tile_m, :], y[tile_n, :].T)
            new = torch.maximum(largest, scores.amax(-1))
            weights, shrink = torch.exp(scores - new[:, None]), torch.exp(largest - new)
            total = total * shrink + weights.sum(-1)
            acc = torch.addmm(acc * shrink[:, None], weights, y[tile_n, :])
            largest = new
        out[tile_m, :] = acc / total[:, None]


@pytest.mark.parametrize("blocks", [None, 1, 3, 16])
@pytest.mark.parametrize("precision", ["native", "high"])
@pytest.mark.parametrize("case", IDIOMS, ids=lambda case: case.kernel.__name__)
def test_idiom(case: Idiom, precision: Any, blocks: int | None) -> None:
    high = precision == "high"
    given = [one.double() if _floating(one) and high else one for one in case.arguments]
    if isinstance(given[-1], list) and high:
        given[-1] = [one.double() for one in given[-1]]
    expected = case.expected(*given)
    out = torch.full_like(expected, 99)
    arguments = (*case.arguments, out)
    result = run(case.kernel, arguments, block_sizes=blocks, precision=precision)
    assert list(result.mutated) == [len(arguments) - 1]
    close = {"rtol": 1e-12, "atol": 1e-12} if high else {"rtol": 1e-5, "atol": 1e-5}
    torch.testing.assert_close(result.mutated[len(arguments) - 1], expected, **close)


def _floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def test_torch_draws_random_values_of_the_kernels_device() -> None:
    seen: list[torch.Tensor] = []

    def kernel(x: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            part = x[tile, :]
            seen.extend([torch.rand_like(part), torch.randn([tile, 7]), torch.rand(part.shape)])
            seen.append(torch.nn.functional.dropout(part, 0.5))

    run(kernel, (X,))
    assert {value.shape for value in seen} == {X.shape}


def test_views_of_tensors_inside_loops_stay_tensors_of_the_host() -> None:
    def kernel(x: torch.Tensor, out: torch.Tensor) -> None:
        for tile in hl.tile(x.size(1)):
            first, *_ = x.split(4)
            second = x.unbind(0)[1]
            out.T[tile, 0] = x.T[tile, 0] + first[1, tile] + second[tile]

    out = torch.zeros(1, 7)
    result = run(kernel, (X, out))
    torch.testing.assert_close(out[0], X[0] + 2 * X[1])
    assert list(result.mutated) == [1]
