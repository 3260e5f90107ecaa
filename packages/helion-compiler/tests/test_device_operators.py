"""Operators on tiles as they are traced: what becomes one op, views and changes in place, what is refused early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion import exc
from helion_compiler.program.ops import Pointwise

if TYPE_CHECKING:
    from collections.abc import Callable


def kernel_of(function: Callable[..., torch.Tensor], *, lanes: int = 4) -> Any:
    """A kernel that applies ``function`` to tiles of two tensors, the last of them partial."""

    @helion.kernel(config=helion.Config(block_sizes=[lanes]))
    def kernel(x: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            out[tile] = function(x[tile], y[tile])

    return kernel


def computed(function: Callable[..., torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> Any:
    out = torch.empty_like(function(x.clone(), y.clone()))
    kernel_of(function)(x, y, out)
    return out


def test_operators_of_several_steps_are_one_op_rounded_once() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(37, generator=generator).bfloat16() for _ in range(2))
    kernel = kernel_of(lambda a, b: torch.lerp(a, b, 0.4))
    program = kernel.bind((x, y, x.clone()))._implementation.specialized.program
    assert len([op for op in program.walk() if isinstance(op, Pointwise)]) == 1
    exact = torch.lerp(x.double(), y.double(), 0.4)
    torch.testing.assert_close(computed(lambda a, b: torch.lerp(a, b, 0.4), x, y), exact.bfloat16())


@pytest.mark.parametrize("function", [torch.fmod, torch.remainder, torch.floor_divide])
def test_integers_are_divided_in_padding_too(function: Any) -> None:
    x = torch.arange(-9, 10)
    y = torch.tensor([3, -2, 5] * 6 + [7])
    assert torch.equal(computed(function, x, y), function(x, y))


def test_an_expanded_tile_is_the_tile_after_a_change_in_place() -> None:
    def function(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        a = a + b
        view = a.expand_as(a)
        a.add_(1)
        return view * 2

    x, y = torch.arange(7.0), torch.ones(7)
    assert torch.equal(computed(function, x, y), (x + y + 1) * 2)


def test_dimensions_removed_in_place() -> None:
    def function(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        a = (a + b).unsqueeze(0)
        a.squeeze_(0)
        return a * 2

    x, y = torch.arange(7.0), torch.ones(7)
    assert torch.equal(computed(function, x, y), (x + y) * 2)


def test_a_product_of_a_row_and_a_matrix() -> None:
    @helion.kernel(config=helion.Config(block_sizes=[16]))
    def kernel(x: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> None:
        for tile in hl.tile(y.size(1)):
            out[tile] = torch.matmul(x[:], y[:, tile])

    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(37, generator=generator), torch.randn(37, 19, generator=generator)
    out = torch.empty(19)
    kernel(x, y, out)
    torch.testing.assert_close(out, x @ y)


def test_a_product_of_two_vectors_is_a_number() -> None:
    @helion.kernel(config=helion.Config(block_sizes=[1]))
    def kernel(x: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> None:
        for tile in hl.tile(1):
            out[tile] = x[:] @ y[:]

    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(37, generator=generator), torch.randn(37, generator=generator)
    out = torch.empty(1)
    kernel(x, y, out)
    torch.testing.assert_close(out[0], x @ y)


@pytest.mark.filterwarnings("ignore:var")
@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_a_variance_of_few_elements(rows: int) -> None:
    @helion.kernel(config=helion.Config(block_sizes=[2]))
    def kernel(x: torch.Tensor, out: torch.Tensor) -> None:
        for tile in hl.tile(x.size(1)):
            out[tile] = x[:, tile].var(0)

    x = torch.arange(3.0 * rows).view(rows, 3)
    out = torch.empty(3)
    kernel(x, out)
    torch.testing.assert_close(out, x.var(0), equal_nan=True)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda a, b: torch.split(a, 2)[0] + b, "several results"),
        (lambda a, b: torch.digamma(a) + b, "a kernel of a library"),
        (lambda a, b: a.scatter(0, b.long(), a), "one after another"),
    ],
)
def test_what_is_not_pointwise_is_refused_where_it_is_written(function: Any, words: str) -> None:
    x = torch.zeros(7)
    with pytest.raises(exc.UnsupportedOperator, match=words) as refused:
        kernel_of(function).bind((x, x, x))
    assert refused.value.diagnostic.span is not None
    assert refused.value.diagnostic.span.filename == __file__


def test_integers_divided_by_a_number_that_the_config_tells() -> None:
    @helion.kernel(config=helion.Config(block_sizes=[4]))
    def kernel(x: torch.Tensor, out: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            out[tile] = tile.index // tile.block_size * 100 + x[tile] // tile.block_size

    x = torch.arange(-5, 6, dtype=torch.int32)
    out = torch.empty_like(x)
    kernel(x, out)
    assert torch.equal(out, torch.arange(11, dtype=torch.int32) // 4 * 100 + x // 4)
