"""Random numbers of one distribution, by seed and offsets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.program.lane_ops import Random
from helion_compiler.tracing.location import location

if TYPE_CHECKING:
    from helion_compiler.program.lane_ops import Distribution
    from helion_compiler.tracing.state import Trace


def draw(
    trace: Trace, distribution: Distribution, seed: torch.Tensor, offsets: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """What a distribution gives for a scalar seed and int64 offsets: one value, or four."""
    dtype = torch.int64 if distribution == "bits" else torch.float32
    count = 4 if distribution == "four_uniforms" else 1
    results = tuple(trace.fake(trace.sizes_of(offsets), dtype) for _ in range(count))
    trace.body.append(
        Random(
            results=tuple(trace.new_value(result, "drawn") for result in results),
            distribution=distribution,
            seed=trace.value_of(seed),
            offsets=trace.value_of(offsets),
            location=location(),
        )
    )
    return results


def integers(
    trace: Trace, low: int, high: int, seed: torch.Tensor, offsets: torch.Tensor
) -> torch.Tensor:
    """Int64 numbers in ``[low, high)``: 32 random bits modulo the number of them."""
    (bits,) = draw(trace, "bits", seed, offsets)
    return low + bits % (high - low)
