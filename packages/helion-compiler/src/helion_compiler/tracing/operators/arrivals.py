"""Lanes that arrive at positions of a tile which integers tell, for operators such as ``scatter`` and ``index_add``.

A tile has no memory to write to one lane after another. So each position looks at every lane that is written, along a
dimension of its own, and reduces over those that are meant for it: of several that are put into one position, the last
is taken. The dimension of the positions is known before the kernel runs; that of the lanes may be a tile's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import torch

from helion_compiler.tracing.iota import iota
from helion_compiler.tracing.operators.lanes import along, known_size, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.tracing.state import Trace

F = TypeVar("F", bound=Callable[..., Any])


@attrs.frozen(eq=False)
class Arrivals:
    """``hits`` says which position, along ``dim``, gets which lane, along the dimension after it."""

    trace: Trace
    dim: int
    hits: torch.Tensor
    lanes: torch.Tensor

    @classmethod
    def of(cls, trace: Trace, name: str, operand: torch.Tensor, index: Any, dim: int) -> Arrivals:
        """Those of ``index``, which has the rank of the operand."""
        size = known_size(trace, operand, dim, name)
        rank = operand.ndim + 1
        lanes = iota(trace, trace.sizes_of(index)[dim])
        hits = index.unsqueeze(dim) == along(iota(trace, size), rank, dim)
        return cls(trace, dim, hits, along(lanes, rank, dim + 1))

    def any(self) -> torch.Tensor:
        """Whether a position gets a lane."""
        return self.hits.any(self.dim + 1)

    def those(self, written: Any, otherwise: Any) -> torch.Tensor:
        """What is written, for each position; ``otherwise`` where that is meant for another."""
        spread = written.unsqueeze(self.dim) if isinstance(written, torch.Tensor) else written
        return torch.where(self.hits, spread, otherwise)

    def last(self, written: torch.Tensor, operand: torch.Tensor) -> torch.Tensor:
        """The operand with the last lane in each position that gets one."""
        place = torch.where(self.hits, self.lanes, -1).amax(self.dim + 1)
        moved = pick(self.trace, written.to(operand.dtype), place.clamp_min(0), self.dim)
        return torch.where(place >= 0, moved, operand)


def _sum(arrivals: Arrivals, written: Any) -> torch.Tensor:
    return arrivals.those(written, 0).sum(arrivals.dim + 1)


def _product(arrivals: Arrivals, written: Any) -> torch.Tensor:
    return arrivals.those(written, 1).prod(arrivals.dim + 1)


def _greatest(arrivals: Arrivals, written: Any) -> torch.Tensor:
    return arrivals.those(written, _limits(written.dtype)[0]).amax(arrivals.dim + 1)


def _least(arrivals: Arrivals, written: Any) -> torch.Tensor:
    return arrivals.those(written, _limits(written.dtype)[1]).amin(arrivals.dim + 1)


def _limits(dtype: torch.dtype) -> tuple[float, float]:
    if dtype is torch.bool:
        return False, True
    if dtype.is_floating_point:
        return -float("inf"), float("inf")
    known = torch.iinfo(dtype)
    return known.min, known.max


_REDUCTIONS: Mapping[str, tuple[Callable[..., torch.Tensor], Callable[..., torch.Tensor]]] = {
    "sum": (_sum, torch.add),
    "add": (_sum, torch.add),
    "mean": (_sum, torch.add),
    "prod": (_product, torch.mul),
    "multiply": (_product, torch.mul),
    "amax": (_greatest, torch.maximum),
    "amin": (_least, torch.minimum),
}
"""By torch's name: what becomes of the lanes for one position, and how it joins what was there."""


def reduced(
    arrivals: Arrivals, operand: torch.Tensor, written: Any, kind: str, *, include_self: bool
) -> torch.Tensor:
    """The operand with what is written reduced into its positions; ``kind`` is torch's name for how."""
    reduce, join = _REDUCTIONS[kind]
    found = reduce(arrivals, written).to(operand.dtype)
    if include_self:
        found = join(operand, found)
    if kind == "mean":
        count = torch.where(arrivals.hits, 1, 0).sum(arrivals.dim + 1)
        count = count + 1 if include_self else count.clamp_min(1)
        rounding = None if operand.dtype.is_floating_point else "floor"
        found = torch.div(found, count, rounding_mode=rounding)
    if not include_self:
        found = torch.where(arrivals.any(), found, operand)
    return found.to(operand.dtype)


def with_a_dimension(rule: F) -> F:
    """A rule whose operand may be of rank 0, which then has one dimension of one position."""

    @functools.wraps(rule)
    def ruled(
        trace: Trace, operator: Any, operand: torch.Tensor, dim: int, *rest: Any, **options: Any
    ) -> Any:
        if operand.ndim:
            return rule(trace, operator, operand, dim, *rest, **options)
        with trace.listening():
            flat = [part.reshape(-1) if isinstance(part, torch.Tensor) else part for part in rest]
            return rule(trace, operator, operand.reshape(-1), 0, *flat, **options).reshape(())

    return ruled  # type: ignore[return-value]  # it takes what the rule takes
