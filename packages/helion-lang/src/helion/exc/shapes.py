"""Problems with shapes, tiles and subscripts."""

from __future__ import annotations

from helion.exc.base import HelionError


class IncorrectTileUsage(HelionError):
    """A tile is used where a number or a tensor is needed."""

    title = "incorrect use of a tile"
    message = "a tile cannot be used in `{operation}`"
    help = "a tile is a subscript (`x[tile]`) or a size; for its positions, write `tile.index`"


class TileOutOfBounds(HelionError):
    """A tile's loop covers more than the tensor dimension that it subscripts."""

    title = "tile on the wrong dimension"
    message = "a tile of a loop up to {end} subscripts dimension {dimension}, which has size {size}"
    help = "subscript with a tile of a loop over `tensor.size({dimension})`"


class IndexOutOfRange(HelionError):
    """A position lies outside of the tensor."""

    title = "index out of range"
    message = "index {index} in dimension {dimension}, which has size {size}"
    help = "indices start at 0 and stay below {size}; a number that is written out may count from the end, from -1"


class RankMismatch(HelionError):
    """A subscript or a shape has the wrong number of dimensions."""

    title = "wrong number of dimensions"
    message = "{what} has {found} dimensions where {expected} are expected"
    help = "give one entry per dimension; `None` adds a dimension and `:` takes a whole one"


class ShapeMismatch(HelionError):
    """Shapes that must agree do not."""

    title = "shapes do not fit"
    message = "`{operation}`: {reason}"
    help = "compare the sizes in use; dimensions must be equal, or 1 where they broadcast"


class DotBatchDimensionMismatch(HelionError):
    """The batch dimensions of a dot's operands differ."""

    title = "batch dimensions do not fit"
    message = "the operands have batch size {left} and {right}"
    help = "give both operands the same leading dimension"


class InvalidIndexingType(HelionError):
    """A subscript holds something that is no index."""

    title = "invalid subscript"
    message = "{index} cannot be used as an index"
    help = "use tiles, integers, `:`, `None`, `...`, or integer tensors"


class InvalidTileRange(HelionError):
    """The arguments of ``hl.tile`` describe no range."""

    title = "invalid tile range"
    message = "{problem}"
    help = "write `hl.tile(end)`, `hl.tile(begin, end)`, or give sequences of equal length"


class InvalidJaggedTileUsage(HelionError):
    """A jagged tile is made or used in a way that leaves lanes without an end."""

    title = "invalid use of a jagged tile"
    message = "{problem}"
    help = "{remedy}"


class TileOfTile(HelionError):
    """A tile is given as the end of a loop."""

    title = "loop over a tile"
    message = "`hl.{function}` takes sizes, and was given a tile"
    help = "loop over its positions: `hl.tile(tile.begin, tile.end)`"


class OverpackedTile(HelionError):
    """A tile within a tuple or list subscripts a tensor."""

    title = "tile inside a tuple or list"
    message = "the subscript has a {container} with a tile in it"
    help = "`for tile in hl.tile(n)` gives a tile, `for (tile,) in hl.tile([n])` a tuple of one"


class IndexOffsetOutOfRangeForInt32(HelionError):
    """Positions in memory do not fit into 32 bits."""

    title = "tensor too large for 32-bit positions"
    message = "`{tensor}` reaches over positions up to {offset}"
    help = "leave the choice of positions to Helion, or set them to 64 bits"


class InputTensorNumelExceedsIndexType(HelionError):
    """A tensor has more elements than positions can count."""

    title = "tensor too large"
    message = "`{tensor}` has {numel} elements, more than {dtype} can count"
    help = "leave the choice of positions to Helion, or set them to 64 bits"


class DataDependentOutputShapeNotSupported(HelionError):
    """An operation whose result's shape depends on values."""

    title = "shape depends on values"
    message = "the shape of what `{operation}` returns depends on the values in its input"
    help = "keep the shape and choose elements: `torch.where(mask, value, 0)`, or `hl.load(..., extra_mask=mask)`"


class DuplicateStoreIndicesError(HelionError):
    """A store writes different values to one element."""

    title = "several values stored to one element"
    message = "index {index} occurs more than once in what is stored, with different values"
    help = "use an atomic operation, such as `hl.atomic_add`, or make the positions distinct"
