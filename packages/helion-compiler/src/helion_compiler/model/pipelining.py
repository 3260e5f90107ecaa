"""How many turns of a loop are loaded ahead."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helion_compiler.model.gathering import vector

if TYPE_CHECKING:
    from helion_compiler.model.place import Place
    from helion_compiler.model.work import Moved

_LEAST_COPIED = 4
"""Bytes that a thread copies to shared memory at once, at least."""


def stages_of(moved: Moved, place: Place, threads: int) -> int:
    """Turns that are loaded ahead, with the one that runs.

    Triton pipelines what products are computed from, and other loads only where a loop is told to. Copies to shared
    memory have at least 4 bytes: lanes that are masked one by one, or begin anywhere, are not copied where they have
    fewer. Rows whose threads have a lane each are as fast on an H200 as if they were (``benchmarks/sweeps``: softmax,
    fp8 quantisation), whatever hides what they wait for.
    """
    if moved.ahead:
        return place.stages_in(moved.loops)
    itemsize = moved.buffer.dtype.itemsize
    alone = moved.guarded or moved.formed or moved.aligned * itemsize < _LEAST_COPIED
    if alone and vector(place, moved, threads) * itemsize < _LEAST_COPIED:
        return 1
    if moved.formed:
        return place.stages_in(moved.loops)
    turns = place.steps(moved.shape)
    if turns > 1:  # a pipeline ends with its loop
        return min(place.stages, turns)
    if not moved.loops:
        return 1
    loop = moved.loops[-1]
    return min(place.own_stages(loop), max(math.ceil(place.times((loop,))), 1))
