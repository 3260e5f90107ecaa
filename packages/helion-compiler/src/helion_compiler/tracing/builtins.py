"""Python's builtins where they meet values of the device: ``range``, ``len``, ``min``, ``max``, ``int``, ``float``,
``bool``.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.tracing.carrying import is_tile
from helion_compiler.tracing.conditions import device_condition
from helion_compiler.tracing.host_builtins import converted, length
from helion_compiler.tracing.meanings import debugging
from helion_compiler.tracing.meanings.loops import check_bounds
from helion_compiler.tracing.tiles import TracedRange

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.tracing.state import Trace


def traced_builtins(trace: Trace) -> dict[Callable[..., Any], Callable[..., Any]]:
    """What calls of builtins mean in tile loops, by the builtin."""
    return {
        range: functools.partial(range_, trace),
        len: length,
        min: functools.partial(_extreme, trace, min, torch.minimum, torch.sym_min),
        max: functools.partial(_extreme, trace, max, torch.maximum, torch.sym_max),
        int: functools.partial(_convert, trace, int),
        float: functools.partial(_convert, trace, float),
        bool: functools.partial(_convert, trace, bool),
        print: functools.partial(_print, trace),
        breakpoint: functools.partial(debugging.breakpoint, trace),
    }


def range_(trace: Trace, *bounds: Any) -> TracedRange:
    """A loop over indices, as ``hl.grid`` is."""
    check_bounds(trace, [bound for bound in bounds if isinstance(bound, torch.Tensor)])
    begin, end, step = {1: (0, *bounds, 1), 2: (*bounds, 1), 3: bounds}[len(bounds)]
    return TracedRange((begin,), (end,), (step,), single=True, scalar=True)


def _extreme(
    trace: Trace,
    python: Callable[..., Any],
    of_tensors: Callable[..., torch.Tensor],
    of_sizes: Callable[..., Any],
    *args: Any,
    **kwargs: Any,
) -> Any:
    single = len(args) == 1 and not isinstance(args[0], torch.Tensor)
    values = list(args[0] if single else args)
    tiles = [value for value in values if is_tile(trace, value)]
    if tiles and not kwargs:
        first, *rest = (_as_tile(value, tiles[0]) for value in values)
        return functools.reduce(of_tensors, rest, first)
    if any(isinstance(value, torch.SymInt) for value in values) and not kwargs:
        return functools.reduce(of_sizes, values)
    return python(values, **kwargs)


def _as_tile(value: Any, other: torch.Tensor) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value
    floating = isinstance(value, float) and not other.is_floating_point()
    dtype = torch.float32 if floating else other.dtype
    return torch.full((), value, dtype=dtype, device=other.device)


def _print(trace: Trace, *values: Any, **options: Any) -> None:
    """``hl.device_print``, with the text before the first value as the prefix."""
    texts = list(itertools.takewhile(lambda value: isinstance(value, str), values))
    if options:
        print(*values, **options)
    else:
        debugging.device_print(trace, " ".join(texts), values[len(texts) :])


def _convert(trace: Trace, python: Callable[..., Any], *values: Any) -> Any:
    """A device scalar as another kind of number, or Python's own conversion."""
    if len(values) != 1:
        return python(*values)
    (value,) = values
    if python is bool:
        truth = device_condition(trace, value)
        return bool(value) if truth is None else truth
    if not is_tile(trace, value):
        return converted(trace, python, value)
    if python is float:
        return value if value.is_floating_point() else value.to(torch.float32)
    return value.to(torch.int32) if value.is_floating_point() else value
