"""Run one config of a specialization with every allocation of the kernel poisoned, on the CPU or a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_compiler.building import load_kernel, make_variant, target_of_device
from helion_compiler.building.poison import poison
from helion_compiler.building.specialization import specialize
from helion_compiler.interpreted import run_interpreted
from helion_compiler.tracing.arguments import device_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import helion
    from helion_compiler.specialized_kernel import SpecializedKernel


def run_poisoned(bound: SpecializedKernel, config: helion.Config, leaves: Sequence[Any]) -> Any:
    """What the kernel returns; an element that it forgets to write is NaN, True, or near the largest integer."""
    device = device_of(leaves)
    if device.type == "cuda":
        built = bound.build(config, target_of_device(device))
        built = attrs.evolve(built, variant=poison(built.variant))
        return bound.dispatcher_for(built)(*leaves)
    lowered = bound.lower_interpreted(config)
    facts = specialize(lowered.program, lowered.emitted, bound.aligned)
    variant = make_variant(lowered.schedule, lowered.emitted, facts, "interpreted", bound.aligned)
    kernel = load_kernel(lowered.emitted)
    return run_interpreted(
        poison(variant), lowered.emitted, facts.divisors, kernel, bound.call.names, leaves
    )
