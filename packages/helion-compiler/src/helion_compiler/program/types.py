"""The nouns of a Program: buffers on the host, axes of loops, values on the device.

Sizes are SymPy expressions over four families of symbols, or plain integers:

* host symbols (``s0``): sizes, strides and integer arguments that are not specialised (dynamic
shapes); * block symbols (``b0``): the number of lanes of a tile, known once a Config is; * offset
symbols (``o0``): where a tile begins, known on the device alone; * numbers (``u0``): integers that
the device computes, each named by a ``Number`` op.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    import sympy
    import torch

    from helion.exc import Span

Size: TypeAlias = "int | sympy.Expr"


@attrs.frozen
class BlockSize:
    """One entry of ``block_sizes``: the lanes of every tile that uses it. Two of one name are one entry, whose tiles
    are inside each other.

    ``fixed`` is the author's ``block_size=``; ``size_hint`` bounds the search, and ``low`` and
    ``high`` are the author's own bounds from ``hl.register_block_size``.
    """

    index: int
    name: str
    symbol: sympy.Symbol
    size_hint: int
    fixed: int | None = None
    low: int | None = None
    high: int | None = None


@attrs.frozen
class Axis:
    """One loop dimension: the half-open range ``[begin, end)``, walked in blocks.

    A ``whole`` axis is a full slice (``x[tile, :]``): its one block covers the range, padded to a
    power of two, unless the Schedule rolls it into a loop. Its ``extent`` is what values over it
    have as their size.

    A ``scalar`` axis (``hl.grid``) hands out single indices, ``step`` apart, and no values run along it.
    The lanes of a jagged axis end each at their own place: ``ends`` has one per lane of the
    dimension of size ``parent``, and ``end`` is the greatest of them.

    One that ``cuts`` another is a part of the other's tile: its one block begins at ``begin``, and is full where
    the other's are.
    """

    name: str
    block: BlockSize | None
    begin: Size
    end: Size
    offset: sympy.Symbol | None = None
    scalar: bool = False
    step: Size = 1
    ends: Value | None = None
    parent: Size | None = None
    cuts: Axis | None = None

    @property
    def whole(self) -> bool:
        """Whether one block holds the entire range."""
        return self.block is None and not self.scalar

    @property
    def extent(self) -> Size:
        """How many indices the range has."""
        return self.end - self.begin

    @property
    def size(self) -> Size:
        """The size of a value's dimension along this axis: the block's symbol, or the extent of a
        whole axis.
        """
        return self.extent if self.block is None else self.block.symbol


def whole_axis(extent: Size) -> Axis | None:
    """The whole axis of this extent; None for a dimension of size 1, which has no lanes to mask."""
    return None if extent == 1 else Axis(name="whole", block=None, begin=0, end=extent)


@attrs.frozen(eq=False)
class Buffer:
    """A tensor on the host: an argument, a capture, an allocation or a view of one.

    ``number`` is its place in the runtime's numbering (:mod:`helion_runtime.entries`). ``root`` and
    ``offset`` say where its first element lies: ``offset`` elements into buffer ``root``, which is
    this one unless it is a view.
    """

    number: int
    name: str
    dtype: torch.dtype
    shape: tuple[Size, ...]
    strides: tuple[Size, ...]
    root: int
    offset: Size = 0


@attrs.frozen
class TileType:
    """Element type and sizes of a value on the device. Rank 0 is a scalar."""

    dtype: torch.dtype
    shape: tuple[Size, ...]

    def __str__(self) -> str:
        sizes = ", ".join(str(size) for size in self.shape)
        return f"{str(self.dtype).removeprefix('torch.')}[{sizes}]"


@attrs.frozen(eq=False)
class Value:
    """The result of one op, or a parameter of a loop body. Compared by identity."""

    name: str
    type: TileType


@attrs.frozen
class TileSlice:
    """Subscript by a tile, shifted by ``shift`` elements.

    A ``clipped`` one may reach beyond the dimension, where nothing is read or written; so may every shifted one.
    """

    axis: Axis
    shift: Size = 0
    clipped: bool = False


@attrs.frozen
class WholeSlice:
    """Subscript by ``begin : begin + step * extent : step``, by default ``:``.

    ``axis`` is None where the slice has one index.
    """

    axis: Axis | None
    begin: Size = 0
    step: Size = 1


@attrs.frozen
class ScalarIndex:
    """Subscript by an integer, which removes the dimension. Never negative."""

    position: Size


@attrs.frozen
class ValueIndex:
    """Subscript by the integers of a value: a gather or a scatter.

    ``dims`` are the dimensions of the accessed shape that the value's own dimensions lie along, in
    order; where the value has size 1 it is broadcast.
    """

    value: Value
    dims: tuple[int, ...]


Subscript: TypeAlias = TileSlice | WholeSlice | ScalarIndex | ValueIndex


@attrs.frozen
class Location:
    """Where in the user's source an op was written."""

    span: Span
    text: str
