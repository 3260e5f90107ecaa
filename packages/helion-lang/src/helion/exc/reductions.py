"""Problems with reductions, scans, and splitting."""

from __future__ import annotations

from helion.exc.base import HelionError


class ReductionOnNonTile(HelionError):
    """A reduction along what is no dimension of a tile."""

    title = "cannot reduce this"
    message = "`{operation}` reduces {what}"
    help = "reduce along a tile's dimension, or along a whole one"


class InvalidReductionDim(HelionError):
    """A dimension that is none."""

    title = "invalid dimension"
    message = "`{operation}` was given dimension {dim}"
    help = "give one integer, such as `dim=-1`"


class MultipleReductionDims(HelionError):
    """A reduction along several dimensions at once, of a kind that takes one."""

    title = "several dimensions at once"
    message = "`{operation}` reduces dimensions {dims} at once"
    help = "reduce one dimension after the other"


class ReductionDimInvalidForShape(HelionError):
    """A dimension that the value does not have."""

    title = "no such dimension"
    message = "`{operation}` was given dimension {dim} of a value with {what}"
    help = "count dimensions from 0, or from -1 at the end"


class UnsupportedSplitOperation(HelionError):
    """A value is taken apart in a way that blocks cannot be."""

    title = "cannot split this"
    message = "`{operation}`: {reason}"
    help = "only a last dimension of size 2 can be split, with `hl.split`; reshape first"
