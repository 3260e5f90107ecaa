"""Random numbers by seed and position, whatever the block sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.location import here
from helion_compiler.tracing.meanings.creation import check_device
from helion_compiler.tracing.meanings.registry import meaning, need_device
from helion_compiler.tracing.operators.draws import draw, integers
from helion_compiler.tracing.random_offsets import offsets_of_shape

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@meaning
def rand(
    trace: Trace, shape: Any, seed: Any, device: Any = None, offsets: Any = None
) -> torch.Tensor:
    """``hl.rand``."""
    return draw(trace, "uniform", *_place(trace, "rand", shape, seed, device, offsets))[0]


@meaning
def randn(
    trace: Trace, shape: Any, seed: Any, device: Any = None, offsets: Any = None
) -> torch.Tensor:
    """``hl.randn``."""
    return draw(trace, "normal", *_place(trace, "randn", shape, seed, device, offsets))[0]


@meaning
def randint(
    trace: Trace, shape: Any, low: Any, high: Any, seed: Any, device: Any = None
) -> torch.Tensor:
    """``hl.randint``."""
    place = _place(trace, "randint", shape, seed, device, None)
    if isinstance(low, int) and isinstance(high, int) and low >= high:
        raise exc.InvalidAPIUsage(
            span=here(),
            function="randint",
            problem=f"there is no integer in [{low}, {high})",
            remedy="give a `high` that is larger than `low`",
        )
    return integers(trace, low, high, *place).to(torch.int32)


@meaning
def rand4x(
    trace: Trace, seed: Any, offsets: torch.Tensor, device: Any = None
) -> tuple[torch.Tensor, ...]:
    """``hl.rand4x``."""
    return draw(trace, "four_uniforms", *_place(trace, "rand4x", (), seed, device, offsets))


def _place(
    trace: Trace, function: str, shape: Any, seed: Any, device: Any, offsets: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """The scalar seed and the offsets of a call."""
    need_device(trace, function)
    check_device(trace, device)
    scalar = _seed(trace, function, seed)
    if offsets is None:
        entries = shape if isinstance(shape, list | tuple) else [shape]
        return scalar, offsets_of_shape(trace, entries)
    if not isinstance(offsets, torch.Tensor) or offsets.is_floating_point():
        raise exc.InvalidAPIUsage(
            span=here(),
            function=function,
            problem="the offsets are no integer tensor",
            remedy="compute them from `tile.index`",
        )
    return scalar, offsets.to(torch.int64)


def _seed(trace: Trace, function: str, seed: Any) -> torch.Tensor:
    if isinstance(seed, int | torch.SymInt) and not isinstance(seed, bool):
        return fill_tile(trace, (), seed, torch.int64)
    single = isinstance(seed, torch.Tensor) and all(size == 1 for size in trace.sizes_of(seed))
    if not single or seed.is_floating_point():
        raise exc.InvalidAPIUsage(
            span=here(),
            function=function,
            problem=f"the seed is a {type(seed).__name__}",
            remedy="give an integer, or an integer tensor of one element",
        )
    trace.value_of(seed)
    scalar: torch.Tensor = seed.reshape(()).to(torch.int64)
    return scalar
