"""What each language function means in reference mode: plain loops over slices, on real tensors."""

from __future__ import annotations

import itertools
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from helion.constraints import is_integer
from helion.exc import (
    DeviceAPIOnHost,
    DotBatchDimensionMismatch,
    IncorrectTileUsage,
    NotAllowedOnDevice,
    NotInReferenceMode,
    ShapeMismatch,
    SpecializeArgType,
    SpecializeOnDevice,
    WrongDevice,
)
from helion.language import DECLARATIONS, Tile, agree
from helion.reference.ranges import AxisRange, axis_ranges
from helion.reference.tiles import ReferenceTile
from helion.sizes import cdiv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    from helion.language import Declaration
    from helion.reference.blocks import BlockChooser

_DEVICE_ONLY = frozenset({"zeros", "full", "load", "store", "dot"})


class ReferenceSemantics:
    """The language while one kernel runs; holds where in the kernel it is.

    Attributes:
        device: where values are made.
        depth: how many tile loops are being run, one inside the other; 0 on the host.
        loops: how many tile loops have been started.
        latest_loop: the line and the number of axes of the tile loop started last.
    """

    def __init__(self, device: torch.device, blocks: BlockChooser) -> None:
        self.device = device
        self.depth = 0
        self.loops = 0
        self.latest_loop: tuple[int, int] | None = None
        self._blocks = blocks

    def call(self, declaration: Declaration, arguments: Mapping[str, Any]) -> Any:
        """The result of one language function."""
        if declaration.name in _DEVICE_ONLY and self.depth == 0:
            raise DeviceAPIOnHost(function=declaration.name)
        if declaration.name in _WITHOUT_MEANING:
            raise NotInReferenceMode(function=f"hl.{declaration.name}")
        return _MEANINGS[declaration.name](self, **arguments)

    def tile(self, begin_or_end: Any, end: Any, block_size: Any) -> Iterator[Any]:
        """Iterate over tiles, or tuples of tiles where sequences are given."""
        ranges = axis_ranges(begin_or_end, end, block_size)
        frame = _user_frame()
        sizes = [
            self._blocks.choose(frame, axis, len(ranges), one.end - one.begin)
            if one.block_size is None
            else one.block_size
            for axis, one in enumerate(ranges)
        ]
        several = isinstance(begin_or_end, (list, tuple))
        self.loops += 1
        self.latest_loop = (frame.f_lineno, len(ranges))
        return self._iterate(ranges, sizes, several=several)

    def _iterate(
        self, ranges: Sequence[AxisRange], sizes: Sequence[int], *, several: bool
    ) -> Iterator[Any]:
        self.depth += 1
        try:
            axes = (self._tiles(one, size) for one, size in zip(ranges, sizes, strict=True))
            for tiles in itertools.product(*axes):
                yield tiles if several else tiles[0]
        finally:
            self.depth -= 1

    def _tiles(self, axis: AxisRange, size: int) -> Iterator[ReferenceTile]:
        for number, begin in enumerate(range(axis.begin, axis.end, size)):
            yield ReferenceTile(
                begin=begin,
                end=min(begin + size, axis.end),
                id=number,
                count=cdiv(axis.end - axis.begin, size),
                block_size=size,
                loop_end=axis.end,
                device=self.device,
            )

    def zeros(
        self, shape: Sequence[Any], dtype: torch.dtype, device: torch.device | None
    ) -> torch.Tensor:
        """Zeros of the tiles' real sizes."""
        self._check_device(device)
        return torch.zeros(_sizes(shape), dtype=dtype, device=self.device)

    def full(
        self, shape: Sequence[Any], value: Any, dtype: torch.dtype, device: torch.device | None
    ) -> torch.Tensor:
        """One value, of the tiles' real sizes."""
        self._check_device(device)
        if isinstance(value, torch.Tensor):
            return value.to(dtype).expand(_sizes(shape)).clone()
        return torch.full(_sizes(shape), value, dtype=dtype, device=self.device)

    def load(
        self,
        tensor: torch.Tensor,
        index: Sequence[Any],
        extra_mask: torch.Tensor | None,
        eviction_policy: str | None,  # noqa: ARG002 - there are no caches here
    ) -> torch.Tensor:
        """The subscript."""
        if extra_mask is not None:
            raise NotInReferenceMode(function="extra_mask=")
        return tensor[tuple(index)]

    def store(
        self,
        tensor: torch.Tensor,
        index: Sequence[Any],
        value: Any,
        extra_mask: torch.Tensor | None,
    ) -> None:
        """The subscript assignment."""
        if extra_mask is not None:
            raise NotInReferenceMode(function="extra_mask=")
        tensor[tuple(index)] = value

    def dot(
        self,
        a: torch.Tensor,
        b: torch.Tensor,
        acc: torch.Tensor | None,
        out_dtype: torch.dtype | None,
    ) -> torch.Tensor:
        """The product without rounding below float32, and then the sum."""
        _check_dot(a, b)
        wide = torch.promote_types(a.dtype, b.dtype)
        if not wide.is_floating_point:
            wide = torch.int32
        elif wide is not torch.float64:
            wide = torch.float32
        product = torch.matmul(a.to(wide), b.to(wide))
        if acc is None:
            return product if out_dtype is None else product.to(out_dtype)
        if acc.shape != product.shape:
            raise ShapeMismatch(
                operation="hl.dot",
                reason=f"acc is {list(acc.shape)}, the product is {list(product.shape)}",
            )
        return acc + product.to(acc.dtype)

    def tile_index(self, tile: Tile) -> torch.Tensor:
        """The positions."""
        return tile.index

    def tile_begin(self, tile: Tile) -> int:
        """The first position."""
        return tile.begin

    def tile_end(self, tile: Tile) -> int:
        """One past the last position."""
        return tile.end

    def tile_id(self, tile: Tile) -> int:
        """The number of the tile."""
        return tile.id

    def tile_block_size(self, tile: Tile) -> int:
        """The positions of a full tile."""
        return tile.block_size

    def tile_count(self, tile: Tile) -> int:
        """The tiles of the loop."""
        return tile.count

    def specialize(self, value: Any) -> Any:
        """The value: here, everything is known."""
        if self.depth:
            raise SpecializeOnDevice()
        for size in value if isinstance(value, tuple) else (value,):
            if not is_integer(size):
                raise SpecializeArgType(type=type(size).__name__)
        return value

    def register_block_size(self, min_or_max: int, max: int | None) -> int:  # noqa: A002 - declared so
        """The block size asked for, or one as large as is sensible."""
        if self.depth:
            raise NotAllowedOnDevice(function="register_block_size")
        extent = min_or_max if max is None else max
        return self._blocks.choose_registered(_user_frame(), extent)

    def _check_device(self, device: torch.device | str | None) -> None:
        if device is not None and torch.device(device) != self.device:
            raise WrongDevice(
                parameter="device", found=device, other="the kernel", expected=self.device
            )


def _sizes(shape: Sequence[Any]) -> list[int]:
    if isinstance(shape, Tile):
        raise IncorrectTileUsage(
            operation="shape=tile", notes=("a shape is a sequence: write `[tile]`",)
        )
    return [size.__index__() for size in shape]


def _check_dot(a: torch.Tensor, b: torch.Tensor) -> None:
    if a.ndim != b.ndim or a.ndim not in (2, 3) or a.size(-1) != b.size(-2):
        raise ShapeMismatch(
            operation="hl.dot", reason=f"{list(a.shape)} cannot be multiplied by {list(b.shape)}"
        )
    if a.ndim == 3 and a.size(0) != b.size(0):
        raise DotBatchDimensionMismatch(left=a.size(0), right=b.size(0))


def _user_frame() -> FrameType:
    """The nearest frame that is not Helion's own."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("helion."):
        frame = frame.f_back
    return frame


_WITHOUT_MEANING = frozenset(name for name in DECLARATIONS if not hasattr(ReferenceSemantics, name))
_MEANINGS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {name: getattr(ReferenceSemantics, name) for name in DECLARATIONS.keys() - _WITHOUT_MEANING}
)
agree({name: DECLARATIONS[name] for name in _MEANINGS}, _MEANINGS)
