"""Tiles from nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.location import here
from helion_compiler.tracing.meanings.registry import describe, meaning, need_device
from helion_compiler.tracing.operators.lanes import arange as record_arange
from helion_compiler.tracing.tiles import TracedTile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.program.types import Size
    from helion_compiler.tracing.state import Trace


def sizes_of(trace: Trace, shape: Any) -> tuple[Size, ...]:
    """A shape as a function of the language takes it: a sequence of tiles and numbers."""
    if isinstance(shape, TracedTile):
        raise exc.IncorrectTileUsage(
            span=here(),
            operation="shape=tile",
            notes=("a shape is a sequence: write `[tile]`",),
        )
    if not isinstance(shape, list | tuple):
        raise exc.InvalidIndexingType(span=here(), index=f"as a shape, {describe(shape)}")
    entries: Sequence[Any] = shape
    sizes = [entry.size if isinstance(entry, TracedTile) else entry for entry in entries]
    for size in sizes:
        if not isinstance(size, int | torch.SymInt):
            raise exc.InvalidIndexingType(span=here(), index=f"{describe(size)} in a shape")
    return tuple(trace.symbols.lanes(size) for size in sizes)


@meaning
def zeros(
    trace: Trace, shape: Any, dtype: torch.dtype, device: torch.device | None = None
) -> torch.Tensor:
    """A tile of zeros."""
    return full(trace, shape, 0, dtype, device)


@meaning
def full(
    trace: Trace, shape: Any, value: Any, dtype: torch.dtype, device: torch.device | None = None
) -> torch.Tensor:
    """A tile of one number."""
    need_device(trace, "full")
    check_device(trace, device)
    sizes = sizes_of(trace, shape)
    if isinstance(value, torch.Tensor):
        trace.value_of(value)
        return value.to(dtype).expand([trace.symbols.value(size) for size in sizes])
    return fill_tile(trace, sizes, value, dtype)


@meaning
def arange(
    trace: Trace,
    start_or_end: Any,
    end: Any = None,
    step: Any = 1,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
) -> torch.Tensor:
    """``hl.arange``: int32 unless a dtype is given."""
    need_device(trace, "arange")
    check_device(trace, device)
    start, last = (0, start_or_end) if end is None else (start_or_end, end)
    start, last = (
        entry.size if isinstance(entry, TracedTile) else entry for entry in (start, last)
    )
    return record_arange(trace, None, start, last, step, dtype=dtype or torch.int32)


def check_device(trace: Trace, device: torch.device | str | None) -> None:
    """Refuse a device that is not the kernel's."""
    if device is not None and torch.device(device).type != trace.torch_device.type:
        raise exc.WrongDevice(
            span=here(),
            parameter="device",
            found=str(device),
            other="the kernel",
            expected=str(trace.torch_device),
        )
