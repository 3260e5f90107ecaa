"""What results are rounded to on their way, and how exact they have to be therefore."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.tuning.comparing import Tolerance
from helion_compiler.tuning.oracle import Oracle, inexactness_of
from helion_compiler.tuning.roundings import coarsest_roundings

FP8, BF16, F32 = torch.float8_e4m3fn, torch.bfloat16, torch.float32


@helion.kernel()
def mixed(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights are rounded to float8 for their product with ``y``; their sums are not."""
    rows, depth = x.size()
    depth = hl.specialize(depth)
    out = torch.empty([rows, y.size(1)], dtype=torch.float32, device=x.device)
    sums = torch.empty([rows], dtype=torch.float64, device=x.device)
    for tile in hl.tile(rows):
        total = hl.zeros([tile], dtype=torch.float32)
        acc = hl.zeros([tile, y.size(1)], dtype=torch.float32)
        for tile_k in hl.tile(depth):
            weights = torch.exp(x[tile, tile_k].to(torch.float32))
            total = total + weights.sum(dim=1)
            acc = hl.dot(weights.to(y.dtype), y[tile_k, :], acc=acc)
        out[tile, :] = acc
        sums[tile] = total.to(torch.float64)
    return out, sums


@helion.kernel()
def through_memory(x: torch.Tensor) -> torch.Tensor:
    """What the first loop stores in bfloat16, the second one loads."""
    half = torch.empty(x.size(), dtype=torch.bfloat16, device=x.device)
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        half[tile] = (x[tile] * 3.0).to(torch.bfloat16)
    hl.barrier()
    for tile in hl.tile(x.size()):
        out[tile] = half[tile].to(torch.float32) + 1.0
    return out


@helion.kernel()
def widened(x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Inputs in bfloat16 are what they are: all that is computed is float32."""
    out = torch.empty(x.size(), dtype=torch.float32, device=x.device)
    for tile in hl.tile(x.size()):
        kept = torch.where(x[tile] > 0, torch.abs(x[tile]), -x[tile])
        out[tile] = kept.to(torch.float32) * shift[tile].to(torch.float32)
    return out


@helion.kernel()
def narrow(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] * x[tile]
    return out


def program(kernel: Any, *arguments: torch.Tensor) -> Any:
    return kernel.bind(arguments)._implementation.specialized.program


def test_roundings_are_found_by_what_is_stored() -> None:
    """Float64 sums are of float32 numbers, which nothing rounded to float8."""
    found = coarsest_roundings(program(mixed, torch.randn(64, 64), torch.randn(64, 32).to(FP8)))
    assert found == {F32: FP8, torch.float64: F32}


def test_what_one_loop_stores_reaches_the_next() -> None:
    assert coarsest_roundings(program(through_memory, torch.randn(8, 8))) == {F32: BF16}


def test_what_arguments_are_rounded_to_is_no_rounding() -> None:
    x = torch.randn(8, 8).to(BF16)
    assert coarsest_roundings(program(widened, x, x)) == {}
    assert coarsest_roundings(program(narrow, x)) == {}


def rounded_product(shape: tuple[int, int, int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weights, their values, and the product by weights in float8."""
    rows, depth, columns = shape
    generator = torch.Generator().manual_seed(0)
    weights = torch.exp(torch.randn(rows, depth, generator=generator, dtype=torch.float64))
    values = torch.randn(depth, columns, generator=generator, dtype=torch.float64)
    return weights, values, (weights.to(FP8).double() @ values).float()


def test_sums_of_rounded_terms_are_as_they_should_be_and_wrong_ones_are_not() -> None:
    weights, values, found = rounded_product((512, 2048, 64))
    expected = weights @ values
    tolerance = Tolerance(rounded={F32: FP8})
    assert tolerance.difference("it", found, expected) is None
    assert Tolerance().difference("it", found, expected) is not None
    assert Tolerance(rounded={BF16: FP8}).difference("it", found, expected) is not None
    without_one = found - (weights[:, :1] @ values[:1]).float()
    assert tolerance.difference("it", without_one, expected) is not None
    assert "in the mean square" in str(tolerance.difference("it", found * 1.1, expected))
    assert tolerance.difference("it", found.roll(1, 0), expected) is not None
    loose = Tolerance(relative=0.2, rounded={F32: FP8})
    assert loose.difference("it", found * 1.1, expected) is None  # what the author says holds
    assert pickle.loads(pickle.dumps(tolerance)) == tolerance  # workers get one


@pytest.mark.parametrize("special", [float("inf"), float("nan")])
def test_numbers_that_are_not_finite_are_compared_one_by_one(special: float) -> None:
    weights, values, found = rounded_product((64, 256, 16))
    expected = weights @ values
    found[3, 4] = expected[3, 4] = special
    assert Tolerance(rounded={F32: FP8}).difference("it", found, expected) is None
    found[3, 4] = 0.0
    assert Tolerance(rounded={F32: FP8}).difference("it", found, expected) is not None


def test_a_kernel_that_rounds_inside_agrees_with_its_oracle() -> None:
    x, y = torch.randn(64, 512) / 2, torch.randn(512, 32).to(FP8)
    bound = mixed.bind((x, y))
    settings = bound._implementation.specialized.definition.settings
    result = bound(x, y)
    inexact = inexactness_of(program(mixed, x, y), settings)
    oracle = Oracle.by_reference(mixed.fn, (x, y), settings, inexact=inexact)
    assert oracle.check(result, (x, y)) is None
    assert Oracle.by_reference(mixed.fn, (x, y), settings).check(result, (x, y)) is not None
