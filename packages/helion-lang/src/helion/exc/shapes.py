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
    help = "indices start at -{size} or 0 and stay below {size}"


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
    help = "use tiles, integers, `:`, `None`, `...`, or one integer tensor"


class InvalidTileRange(HelionError):
    """The arguments of ``hl.tile`` describe no range."""

    title = "invalid tile range"
    message = "{problem}"
    help = "write `hl.tile(end)`, `hl.tile(begin, end)`, or give sequences of equal length"
