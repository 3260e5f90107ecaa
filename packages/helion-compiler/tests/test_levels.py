"""Which ops the loops of a rolled reduction repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

import helion
import helion.language as hl
from helion_compiler.program.ops import Load, Pointwise
from helion_compiler.scheduling.levels import count_repeats

if TYPE_CHECKING:
    from helion_compiler.program.ops import Op


@helion.kernel()
def scaled(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        row = x[tile, :]
        apart = row - row.mean(dim=1, keepdim=True)
        spread = torch.rsqrt((apart * apart).mean(dim=1, keepdim=True) + 1e-5)
        out[tile, :] = apart * spread * weight[:]
    return out


@helion.kernel()
def softmax(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = torch.softmax(x[tile, :], dim=1)
    return out


def repeats(kernel: Any, *arguments: torch.Tensor) -> dict[Op, int]:
    program = kernel.bind(arguments)._implementation.specialized.program
    (axis,) = program.whole_axes()
    return count_repeats(program.grids[0].body, axis)


def of_load(found: dict[Op, int], buffer: str) -> int:
    (count,) = (n for op, n in found.items() if isinstance(op, Load) and op.buffer.name == buffer)
    return count


def test_only_what_a_loop_needs_is_done_in_it() -> None:
    found = repeats(scaled, torch.empty(8, 256), torch.empty(256))
    assert of_load(found, "x") == 3
    assert of_load(found, "weight") == 1
    subtractions = [n for op, n in found.items() if "sub" in str(getattr(op, "operator", ""))]
    assert subtractions == [2]  # for the variance, and for the result


def test_a_sum_of_exponentials_belongs_to_the_loop_of_its_maximum() -> None:
    found = repeats(softmax, torch.empty(8, 256))
    assert of_load(found, "x") == 2
    exponentials = [
        n for op, n in found.items() if isinstance(op, Pointwise) and "exp" in op.operator.__name__
    ]
    assert exponentials == [2]
