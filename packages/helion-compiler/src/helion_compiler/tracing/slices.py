"""Slices with bounds or a step, as subscripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.types import WholeSlice, whole_axis
from helion_compiler.tracing.iota import iota
from helion_compiler.tracing.location import here
from helion_compiler.tracing.numbers import as_number

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


def slice_index(trace: Trace, extent: Any, entry: slice) -> WholeSlice:
    """``begin:end:step`` of a dimension, cut to it as Python does."""
    begin, count, step = bounds_of(trace, extent, entry)
    length = trace.symbols.expression(count)
    if not trace.symbols.is_host(length):
        raise exc.InvalidIndexingType(
            span=here(),
            index="a slice whose length the device computes",
            notes=("a value's shape is known before the kernel runs",),
        )
    return WholeSlice(whole_axis(length), trace.number(begin), trace.number(step))


def is_as_long_as_a_tile(trace: Trace, extent: Any, entry: slice) -> bool:
    """Whether the number of indices of a slice is computed from block sizes alone."""
    if entry == slice(None) or entry.step not in (None, 1):
        return False
    _, count, _ = bounds_of(trace, extent, entry)
    length = trace.symbols.expression(count)
    return not trace.symbols.is_host(length) and trace.symbols.is_nominal(length)


def slice_indices(trace: Trace, extent: Any, entry: slice) -> tuple[torch.Tensor, torch.Tensor]:
    """The indices of a slice that is as long as a tile, and whether each is inside the dimension."""
    begin, count, _ = bounds_of(trace, extent, entry)
    with trace.listening():
        index = begin + iota(trace, trace.symbols.lanes(count))
        return index, index < extent


def bounds_of(trace: Trace, extent: Any, entry: slice) -> tuple[Any, Any, Any]:
    """Where a slice begins, how many indices it has, and how far they are apart."""
    for bound in (entry.start, entry.stop, entry.step):
        if isinstance(bound, float | torch.SymFloat | str):
            raise exc.InvalidIndexingType(
                span=here(), index=f"a slice bounded by a {type(bound).__name__}"
            )
    start, stop, step = (as_number(trace, part) for part in (entry.start, entry.stop, entry.step))
    step = 1 if step is None else step
    if all(part is None or isinstance(part, int) for part in (start, stop, extent, step)):
        if step <= 0:
            raise exc.InvalidIndexingType(span=here(), index=f"a slice with the step {step}")
        chosen = range(*slice(start, stop, step).indices(extent))
        return chosen.start, len(chosen), step
    start = _from_front(0 if start is None else start, extent)
    stop = _from_front(extent if stop is None else stop, extent)
    count = stop - start
    return start, count if isinstance(step, int) and step == 1 else (count + step - 1) // step, step


def _from_front(bound: Any, extent: Any) -> Any:
    return bound + extent if isinstance(bound, int) and bound < 0 else bound
