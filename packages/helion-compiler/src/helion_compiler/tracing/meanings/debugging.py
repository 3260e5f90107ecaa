"""Looking at values while a kernel runs."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.foreign_ops import Breakpoint, Print
from helion_compiler.tracing.carrying import as_value, type_of
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.meanings.registry import meaning, need_device
from helion_compiler.tracing.tiles import TracedTile

if TYPE_CHECKING:
    from helion_compiler.program.types import Value
    from helion_compiler.tracing.state import Trace


@meaning
def device_print(trace: Trace, prefix: str, values: tuple[Any, ...]) -> None:
    """``hl.device_print``: a tile prints its indices."""
    need_device(trace, "device_print")
    if not isinstance(prefix, str) or not set(prefix) <= set(string.printable):
        raise exc.InvalidAPIUsage(
            span=here(),
            function="device_print",
            problem=f"the prefix is {prefix!r}",
            remedy="give a string of printable ASCII characters, known before the kernel runs",
        )
    printed = tuple(_printed(trace, value) for value in values)
    trace.body.append(Print(prefix=prefix, values=printed, location=location()))


def _printed(trace: Trace, value: Any) -> Value:
    value = value.index if isinstance(value, TracedTile) else value
    if isinstance(value, torch.Tensor):
        trace.value_of(value)
        return trace.value_of(value.to(torch.int32) if value.dtype is torch.bool else value)
    if isinstance(value, bool | int | float | torch.SymInt | torch.SymFloat):
        return as_value(trace, value, type_of(trace, value))
    raise exc.InvalidAPIUsage(
        span=here(),
        function="device_print",
        problem=f"a {type(value).__name__} cannot be printed from the device",
        remedy="print tiles and numbers, and put text into the prefix",
    )


@meaning
def breakpoint(trace: Trace) -> None:  # noqa: A001  # the declaration's name
    """``hl.breakpoint``: where the kernel is interpreted."""
    if trace.torch_device.type != "cpu":
        raise exc.BreakpointInDeviceLoopRequiresInterpret(span=here())
    need_device(trace, "breakpoint")
    trace.body.append(Breakpoint(location=location()))
