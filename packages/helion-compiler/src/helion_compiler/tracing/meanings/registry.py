"""The table of what language functions mean while a kernel is traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from helion import exc
from helion_compiler.tracing.location import here

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace

F = TypeVar("F", bound=Callable[..., Any])

TABLE: dict[str, Callable[..., Any]] = {}
"""By the declaration's name. Read it as ``meanings.MEANINGS``, which is complete."""


def meaning(function: F) -> F:
    """Register the meaning of the language function of the same name; it takes the trace, then what is declared.

    A trailing underscore, where a name is also a builtin's, does not count.
    """
    TABLE[function.__name__.removesuffix("_")] = function
    return function


def need_device(trace: Trace, name: str) -> None:
    """Refuse a function of tile loops outside of them."""
    if not trace.on_device:
        raise exc.DeviceAPIOnHost(span=here(), function=name)


def need_host(trace: Trace, name: str) -> None:
    """Refuse a function of the host inside a tile loop."""
    if trace.on_device:
        raise exc.NotAllowedOnDevice(span=here(), function=name)


def describe(value: object) -> str:
    """A value of a wrong type, for messages."""
    if isinstance(value, torch.Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        return f"a {kind} tensor of {value.ndim} dimension(s)"
    return f"a {type(value).__name__}"
