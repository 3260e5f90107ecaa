"""A tile: the range of indices that one iteration of a tile loop works on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NoReturn

from helion.exc import FailedToUnpackTile

if TYPE_CHECKING:
    import torch


class Tile(ABC):
    """An index range of one loop axis; made by :func:`helion.language.tile`, never by users.

    A tile subscripts tensors (``x[tile_m, tile_n]``), is a size in a shape (``hl.zeros([tile_m, tile_n])``), and can be
    shifted (``x[tile + 1]``). The last tile of a loop may be partial: what lies beyond the loop's end is never read or
    written.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def index(self) -> torch.Tensor:
        """The positions covered: a 1-D integer tensor, as long as the tile."""

    @property
    @abstractmethod
    def begin(self) -> int:
        """The first position."""

    @property
    @abstractmethod
    def end(self) -> int:
        """One past the last position; at most the loop's end."""

    @property
    @abstractmethod
    def id(self) -> int:
        """The number of this tile within its loop, from 0."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many tiles the loop has."""

    @property
    @abstractmethod
    def block_size(self) -> int:
        """The number of positions of a full tile."""

    @abstractmethod
    def __index__(self) -> int:
        """The number of positions of this tile, which makes a tile a size."""

    @abstractmethod
    def __add__(self, offset: int) -> Tile:
        """The same tile ``offset`` positions further on, as a subscript only.

        Positions that fall outside of the subscripted dimension read as zero and are not written.
        """

    @abstractmethod
    def __sub__(self, offset: int) -> Tile:
        """The same tile ``offset`` positions before; see :meth:`__add__`."""

    def __iter__(self) -> NoReturn:
        raise FailedToUnpackTile(targets="several", tiles=1)
