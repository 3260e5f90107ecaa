"""How many instructions a thread's code is: what ptxas would compile for minutes is not searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.building import parse_target
from helion_compiler.bundling import BuildRequest
from helion_compiler.space.code_length import MOST_INSTRUCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@helion.kernel()
def exponentials(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0)], dtype=torch.float32, device=x.device)
    for tile in hl.tile(x.size(0)):
        total = hl.zeros([tile], dtype=torch.float32)
        for columns in hl.tile(x.size(1)):
            total = total + torch.logaddexp(x[tile, columns], x[tile, columns].sin()).sum(-1)
        out[tile] = total
    return out


def refused(kernel: Any, *arguments: Any, target: str = "sm_90", **config: Any) -> bool:
    """Whether the length of its code keeps a search from a config."""
    space = BuildRequest(kernel, arguments).bind(parse_target(target)).space
    found = {
        violation.name for violation in space.space.check(space.point(helion.Config(**config)))
    }
    return "code" in found


@pytest.fixture
def product(config_kernels: ModuleType) -> Callable[[Any], Any]:
    """A product of matrices in some precision."""
    return lambda precision: helion.kernel(dot_precision=precision)(config_kernels.matmul)


@pytest.fixture
def of_product(product: Callable[[Any], Any]) -> Callable[..., bool]:
    """Whether one of 256x512x256 is refused."""

    def answer(precision: str, dtype: torch.dtype = torch.float32, **others: Any) -> bool:
        x = torch.empty(256, 512, dtype=dtype)
        keys: dict[str, Any] = {"block_sizes": [64, 64, 32], "num_warps": 1, **others}
        return refused(product(precision), x, x.T.contiguous(), **keys)

    return answer


def test_steps_of_ieee_products_are_a_thread_s_own(of_product: Callable[..., bool]) -> None:
    """64 by 64 by 32 among 32 threads are 4,096 instructions; three turns are more than a search tries."""
    assert 2 * 64 * 64 * 32 / 32 < MOST_INSTRUCTIONS < 3 * 64 * 64 * 32 / 32
    assert not of_product("ieee")
    assert of_product("ieee", range_unroll_factors=[0, 2])
    assert of_product("ieee", static_ranges=[True])
    assert not of_product("ieee", range_unroll_factors=[0, 2], num_warps=4)


@pytest.mark.parametrize("precision", ["tf32", "tf32x3"])
def test_matrix_units_take_few_instructions(
    precision: str, of_product: Callable[..., bool]
) -> None:
    assert not of_product(precision, static_ranges=[True])


def test_other_products_have_no_such_precision(of_product: Callable[..., bool]) -> None:
    assert not of_product("ieee", torch.bfloat16, static_ranges=[True])
    assert not of_product("ieee", target="gfx942", static_ranges=[True])


def test_lanes_that_are_written_out_count_too() -> None:
    x = torch.empty(256, 1024)
    keys: dict[str, Any] = {"block_sizes": [4, 512], "num_warps": 1}
    assert not refused(exponentials, x, **keys)
    assert refused(exponentials, x, **keys, range_unroll_factors=[0, 4])
    assert not refused(exponentials, x, **keys | {"num_warps": 8}, range_unroll_factors=[0, 4])


def test_the_reason_says_what_is_too_long(product: Callable[[Any], Any]) -> None:
    def reason(precision: str) -> str:
        x = torch.empty(256, 512)
        arguments = (x, x.T.contiguous())
        space = BuildRequest(product(precision), arguments).bind(parse_target("sm_90")).space
        (constraint,) = [one for one in space.space.constraints if one.name == "code"]
        return str(constraint.reason)

    assert "IEEE precision" in reason("ieee")
    assert "IEEE" not in reason("tf32")
    assert f"{MOST_INSTRUCTIONS} instructions" in reason("tf32")
