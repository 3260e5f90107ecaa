"""Divisors that numbers have in common, by Euclid's algorithm: a loop that ends with the slowest lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.tracing.branches import repeat
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@rule_for("gcd")
def gcd(trace: Trace, _operator: Any, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The greatest common divisor of integers; ``lcm`` is taken apart into it."""
    with trace.listening():
        dtype = torch.promote_types(first.dtype, second.dtype)
        pair = torch.broadcast_tensors(first.to(dtype), second.to(dtype))  # type: ignore[no-untyped-call]  # torch's own is untyped
        found, _ = repeat(trace, _unfinished, _turn, ("gcd", "rest"), tuple(map(torch.abs, pair)))
        return found  # type: ignore[no-any-return]  # a tensor, as it entered


def _unfinished(_found: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
    return torch.any(rest != 0)


def _turn(found: torch.Tensor, rest: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """One division with remainder, in the lanes that are not done."""
    done = rest == 0
    remainder = torch.fmod(found, torch.where(done, 1, rest))
    return torch.where(done, found, rest), torch.where(done, 0, remainder)
