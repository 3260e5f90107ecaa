"""Python's conversions where the host meets numbers that stay open: ``int``, ``len``, ``float``, ``math.sqrt``.

Python's own would ask for the value, and so make a specialization of it.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.tracing.state import Trace

_USUAL_SMS = 132
"""Multiprocessors to guess with where there is no device to ask: an H100's."""

_OPEN = (torch.SymInt, torch.SymFloat)


def host_builtins(trace: Trace) -> dict[Callable[..., Any], Callable[..., Any]]:
    """What calls of builtins mean on the host, by the builtin."""
    conversions = (int, float, math.sqrt)
    table: dict[Callable[..., Any], Callable[..., Any]] = {
        python: functools.partial(_converted, trace, python) for python in conversions
    }
    table[len] = length
    if trace.torch_device.type == "cuda":
        table[torch.cuda.get_device_properties] = functools.partial(DeviceProperties, trace)
    return table


class DeviceProperties:
    """What ``torch.cuda.get_device_properties`` tells a kernel: how many multiprocessors there are is asked
    on each call, everything else is this device's."""

    def __init__(self, trace: Trace, *device: Any) -> None:
        self._trace = trace
        self._device = device

    def __getattr__(self, name: str) -> Any:
        if name != "multi_processor_count":
            return getattr(torch.cuda.get_device_properties(*self._device), name)
        known = torch.cuda.is_available()
        here = torch.cuda.get_device_properties(*self._device) if known else None
        return self._trace.symbols.sm_count(
            _USUAL_SMS if here is None else here.multi_processor_count
        )


def length(value: Any) -> Any:
    """``len``, of which Python makes a number where torch leaves a size open."""
    return value.size(0) if isinstance(value, torch.Tensor) and value.ndim else len(value)


def converted(trace: Trace, python: Callable[..., Any], number: Any) -> Any:
    """``int``, ``float`` or ``math.sqrt`` of a number, which stays open if it was."""
    if not isinstance(number, _OPEN):
        return python(number)
    if python is int:
        return number if isinstance(number, torch.SymInt) else trace.symbols.truncated(number)
    if python is float:
        return torch.sym_float(number)  # type: ignore[no-untyped-call]  # torch's own is untyped
    return torch.sym_sqrt(number)


def _converted(trace: Trace, python: Callable[..., Any], *values: Any) -> Any:
    if len(values) != 1:
        return python(*values)
    (value,) = values
    if isinstance(value, torch.Tensor) and trace.buffer_of(value) is not None:
        value = value.item()
    return converted(trace, python, value)
