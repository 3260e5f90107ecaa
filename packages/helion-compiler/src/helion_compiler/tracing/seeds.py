"""The seed that a kernel's calls of torch's own generators draw by: one number from the host for each call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.program.ops import Load
from helion_compiler.program.types import ScalarIndex
from helion_compiler.tracing.location import location

if TYPE_CHECKING:
    from helion_compiler.program.types import Buffer
    from helion_compiler.tracing.state import Trace

_SEEDS = 1 << 62


def next_seed(trace: Trace) -> torch.Tensor:
    """A scalar int64 on the device, another one for each place of a kernel that draws and for each call."""
    if trace.seed is None:
        trace.seed = trace.fake((1,), torch.int64)
        trace.add_buffer(trace.seed, _drawn_buffer(trace, trace.seed))
    place = trace.places_that_draw
    trace.places_that_draw += 1
    buffer = trace.buffer_of(trace.seed)
    assert buffer is not None, "the lines above made it one"
    seed = trace.fake((), torch.int64)
    trace.body.append(
        Load(
            result=trace.new_value(seed, "seed"),
            buffer=buffer,
            subscripts=(ScalarIndex(0),),
            name=trace.body.unique("seed@load"),
            location=location(),
        )
    )
    return seed + place


def _drawn_buffer(trace: Trace, tensor: torch.Tensor) -> Buffer:
    """A buffer that the host fills before the launch, from the generator that ``torch.manual_seed`` sets."""
    (buffer,) = trace.plan.call(
        "aten::randint",
        (["value", _SEEDS], ["list", [["value", 1]]]),
        (("dtype", ["dtype", "int64"]), ("device", ["device"])),
        [tensor],
        before_launch=True,
    )
    trace.plan.draws_numbers = True
    return trace.plan.rename(buffer, "seed")
