"""Draw a config of a random program that can be run."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from helion import exc
from helion_runtime.errors import SharedMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import helion
    from helion_compiler.specialized_kernel import SpecializedKernel

T = TypeVar("T")

MOST_STEPS = 80.0
"""How often innermost bodies may run, roughly, in the interpreter."""
DRAWS = 20
"""Configs to try until nothing refuses one."""
MOST_COMPILING = 20.0
"""Seconds of compiling after which it is the turn of the default config."""


class SlowToCompileError(Exception):
    """Triton was given up on."""


def first_that_runs(
    bound: SpecializedKernel,
    seed: Sequence[int],
    build: Callable[[helion.Config], None],
    run: Callable[[helion.Config], T],
    most_compiling: float = MOST_COMPILING,
) -> tuple[helion.Config, T]:
    """The first random config that nothing refuses before it runs, and what ``run`` makes of it.

    Raises:
        SlowToCompileError: ``build`` took too long (TimeoutError) for random configs and for the default one.
    """
    refusals: list[Exception] = []
    compiling = 0.0
    for draw in range(DRAWS):
        last = compiling > most_compiling
        point = bound.space.space.default if last else _point(bound, [*seed, draw])
        config = bound.space.config(point)
        began = time.monotonic()
        try:
            try:
                build(config)
            finally:
                compiling += time.monotonic() - began
            return config, run(config)
        except TimeoutError as slow:
            refusals.append(slow)
            if last:
                raise SlowToCompileError(str(slow)) from slow
        except (SharedMemoryError, exc.InvalidConfig) as refusal:
            refusals.append(refusal)
            if last:
                break
    raise AssertionError(f"every config drawn was refused: {refusals}")


def _point(bound: SpecializedKernel, seed: list[int]) -> Mapping[str, Any]:
    """A random point that runs in few enough steps, or the one that runs in the fewest."""
    rng = np.random.default_rng(seed)
    tried: list[tuple[float, Mapping[str, Any]]] = []
    for _ in range(60):
        point = bound.space.space.sample(rng)
        steps = iterations(bound, point)
        if steps <= MOST_STEPS:
            return point
        tried.append((steps, point))
    return min(tried, key=lambda pair: pair[0])[1]


def iterations(bound: SpecializedKernel, point: Mapping[str, Any]) -> float:
    """How many times innermost bodies run at a point, at most."""
    steps = 1.0
    for block in bound.program.blocks:
        lanes = block.fixed or point[f"block_sizes[{block.name}]"]
        steps *= math.ceil(min(block.size_hint, 64) / lanes)
    for number, axis in enumerate(bound.program.whole_axes()):
        lanes = point.get(f"reduction_loops[whole_{number}]")
        if lanes is not None:
            steps *= 2 * math.ceil(bound.program.example(axis.extent) / lanes)
    return steps
