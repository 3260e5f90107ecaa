"""Configs drawn at random, the same for the same draw of the same space."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import numpy as np

from benchmarks.space_correctness.compiling import why_excluded
from helion_autotune.space import NoValidPointError
from random_cases import iterations

if TYPE_CHECKING:
    import helion
    from benchmarks.space_correctness.preparing import Prepared
    from helion_compiler.building.targets import Target
    from helion_compiler.specialized_kernel import SpecializedKernel

_TRIES = 60


def drawn(bound: SpecializedKernel, draw: int, most_steps: float = math.inf) -> helion.Config:
    """A random config that runs in few enough steps, or the one of many that runs in the fewest."""
    rng = _rng(bound, draw)
    tried = []
    for _ in range(_TRIES):
        point = bound.space.space.sample(rng)
        steps = iterations(bound, point)
        if steps <= most_steps:
            return bound.space.config(point)
        tried.append((steps, point))
    return bound.space.config(min(tried, key=lambda pair: pair[0])[1])


@attrs.frozen
class DrawnFor:
    """What is tried for a target.

    Attributes:
        bound: the kernel, with the target's space.
        config: what was drawn, or where the target's space has not that, one of its own; None where it has none.
        reason: why the space has not what was drawn; empty where it has.
    """

    bound: SpecializedKernel
    config: helion.Config | None
    reason: str = ""


def drawn_for(one: Prepared, target: Target, config: helion.Config, draw: int) -> DrawnFor:
    """A config for a target.

    Raises:
        Exception: whatever tracing the kernel for it does.
    """
    bound = one.bound_for(target)
    reason = why_excluded(bound, config)
    if reason is None:
        return DrawnFor(bound, config)
    try:
        point = bound.space.space.sample(_rng(bound, draw))
    except NoValidPointError:
        return DrawnFor(bound, None, reason)
    return DrawnFor(bound, bound.space.config(point), reason)


def _rng(bound: SpecializedKernel, draw: int) -> np.random.Generator:
    return np.random.default_rng([draw, *bound.definition.name.encode()])
