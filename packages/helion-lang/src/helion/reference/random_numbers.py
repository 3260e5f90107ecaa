"""Random numbers by seed and position, whatever the block sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion.constraints import is_integer
from helion.exc import InvalidAPIUsage, InvalidJaggedTileUsage
from helion.language import Tile
from helion.reference import philox
from helion.reference.creation import sizes
from helion.reference.tiles import ReferenceTile, ShiftedReferenceTile

if TYPE_CHECKING:
    from helion.reference.state import ReferenceState


def rand(
    state: ReferenceState, shape: Any, seed: Any, device: Any, offsets: torch.Tensor | None
) -> torch.Tensor:
    """Uniform numbers."""
    state.check_device(device)
    return philox.uniform(_words(state, "rand", shape, seed, offsets)[0])


def randn(
    state: ReferenceState, shape: Any, seed: Any, device: Any, offsets: torch.Tensor | None
) -> torch.Tensor:
    """Normally distributed numbers."""
    state.check_device(device)
    first, second, *_ = _words(state, "randn", shape, seed, offsets)
    return philox.normal(first, second)


def randint(
    state: ReferenceState, shape: Any, low: Any, high: Any, seed: Any, device: Any
) -> torch.Tensor:
    """Integers."""
    state.check_device(device)
    low, high = int(low), int(high)
    if low >= high:
        raise InvalidAPIUsage(
            function="randint",
            problem=f"there is no integer in [{low}, {high})",
            remedy="give a `high` that is larger than `low`",
        )
    word = _words(state, "randint", shape, seed, None)[0]
    drawn: torch.Tensor = low + word % (high - low)
    return drawn.to(torch.int32)


def rand4x(
    state: ReferenceState, seed: Any, offsets: torch.Tensor, device: Any
) -> tuple[torch.Tensor, ...]:
    """Four uniform numbers."""
    state.check_device(device)
    return tuple(philox.uniform(word) for word in _words(state, "rand4x", (), seed, offsets))


def _words(
    state: ReferenceState, function: str, shape: Any, seed: Any, offsets: torch.Tensor | None
) -> tuple[torch.Tensor, ...]:
    number = _seed(function, seed)
    if offsets is None:
        return philox.words(number, _offsets(state, shape))
    if not isinstance(offsets, torch.Tensor) or offsets.is_floating_point():
        raise InvalidAPIUsage(
            function=function,
            problem="the offsets are no integer tensor",
            remedy="compute them from `tile.index`",
        )
    return philox.words(number, offsets)


def _seed(function: str, seed: Any) -> int:
    if is_integer(seed):
        return int(seed)
    if isinstance(seed, torch.Tensor) and seed.numel() == 1 and not seed.is_floating_point():
        return int(seed)
    raise InvalidAPIUsage(
        function=function,
        problem=f"the seed is a {type(seed).__name__}",
        remedy="give an integer, or an integer tensor of one element",
    )


def _offsets(state: ReferenceState, shape: Any) -> torch.Tensor:
    """The row-major position of each element within the whole that the tiles are parts of."""
    result = torch.zeros((), dtype=torch.int64, device=state.device)
    for entry, size in zip(shape, sizes(shape), strict=True):
        if isinstance(entry, Tile):
            positions = entry.index.long()
            extent = _loop_end(entry)
        else:
            positions = torch.arange(size, device=state.device)
            extent = size
        result = result[..., None] * extent + positions
    return result


def _loop_end(tile: Tile) -> int:
    whole = tile.tile if isinstance(tile, ShiftedReferenceTile) else tile
    assert isinstance(whole, ReferenceTile)
    if whole.jagged:
        raise InvalidJaggedTileUsage(
            problem="a jagged tile has no one end that offsets could be counted by",
            remedy="give `offsets=`, computed from the lanes and `tile.index`",
        )
    return whole.loop_end
