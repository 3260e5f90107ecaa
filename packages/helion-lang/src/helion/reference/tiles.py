"""Tiles with real numbers in them: reference mode's side of :class:`helion.language.Tile`."""

from __future__ import annotations

import attrs
import torch

from helion.exc import IncorrectTileUsage
from helion.language import Tile


@attrs.frozen(kw_only=True)
class ReferenceTile(Tile):
    """A tile of a loop that runs as plain Python; its last tile is as short as the loop demands.

    ``jagged`` tells a tile of ``hl.jagged_tile``, which subscripts together with the lanes it belongs to alone.
    """

    begin: int
    end: int
    id: int
    count: int
    block_size: int
    loop_end: int
    device: torch.device
    jagged: bool = False

    @property
    def index(self) -> torch.Tensor:
        """The positions covered, int32 as in compiled kernels."""
        return torch.arange(self.begin, self.end, dtype=torch.int32, device=self.device)

    def __index__(self) -> int:
        return int(self.end - self.begin)

    def __add__(self, offset: int) -> Tile:
        return ShiftedReferenceTile(tile=self, offset=_offset(offset, "+"))

    __radd__ = __add__

    def __sub__(self, offset: int) -> Tile:
        return ShiftedReferenceTile(tile=self, offset=-_offset(offset, "-"))


@attrs.frozen(kw_only=True)
class ShiftedReferenceTile(Tile):
    """``tile + offset``: may reach over the bounds of what it subscripts."""

    tile: ReferenceTile
    offset: int

    @property
    def index(self) -> torch.Tensor:
        """The shifted positions."""
        return self.tile.index + self.offset

    @property
    def begin(self) -> int:
        """The first shifted position."""
        return self.tile.begin + self.offset

    @property
    def end(self) -> int:
        """One past the last shifted position."""
        return self.tile.end + self.offset

    @property
    def id(self) -> int:
        """As before the shift."""
        return self.tile.id

    @property
    def count(self) -> int:
        """As before the shift."""
        return self.tile.count

    @property
    def block_size(self) -> int:
        """As before the shift."""
        return self.tile.block_size

    def __index__(self) -> int:
        return self.tile.__index__()

    def __add__(self, offset: int) -> Tile:
        return ShiftedReferenceTile(tile=self.tile, offset=self.offset + _offset(offset, "+"))

    __radd__ = __add__

    def __sub__(self, offset: int) -> Tile:
        return ShiftedReferenceTile(tile=self.tile, offset=self.offset - _offset(offset, "-"))


def _offset(offset: object, sign: str) -> int:
    """A shift as a number; a number on the device has a value here, too."""
    if isinstance(offset, int) and not isinstance(offset, bool):
        return offset
    if isinstance(offset, torch.Tensor) and offset.ndim == 0 and not offset.is_floating_point():
        return int(offset)
    raise IncorrectTileUsage(operation=f"tile {sign} {type(offset).__name__}")
