"""Which accesses a tensor descriptor can serve, and the block it would move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.program.types import ScalarIndex, Size, TileSlice

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.program.ops import Load, Store
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Buffer

MAX_RANK = 5
STRIDE_BYTES = 16


def why_no_descriptor(
    program: Program, op: Load | Store, aligned: frozenset[int] | None = None
) -> str | None:
    """Why no config may use a descriptor for this access; None if one may.

    ``aligned`` are the arguments whose addresses are multiples of 16 bytes; None means all.
    """
    return (
        _why_not_layout(op.buffer)
        or _why_not_aligned(program, op.buffer, aligned)
        or _why_not_subscripts(op)
    )


def _why_not_layout(buffer: Buffer) -> str | None:
    if not 2 <= len(buffer.shape) <= MAX_RANK:
        return f"descriptors have 2 to {MAX_RANK} dimensions, {buffer.name} has {len(buffer.shape)}"
    if buffer.dtype in (torch.bool, torch.float64, torch.int64):
        return f"descriptors do not move {buffer.dtype}"
    if buffer.strides[-1] != 1:
        return f"the last dimension of {buffer.name} is not contiguous"
    return None


def _why_not_aligned(
    program: Program, buffer: Buffer, aligned: frozenset[int] | None
) -> str | None:
    for stride in (*buffer.strides[:-1], buffer.offset):
        known = program.resolve(stride)
        if not isinstance(known, int) and not known.is_Integer:
            return f"a stride of {buffer.name} is only known at run time"
        if int(known) * buffer.dtype.itemsize % STRIDE_BYTES:
            return f"a stride of {buffer.name} is not a multiple of {STRIDE_BYTES} bytes"
    unknown = buffer.root in program.aliases
    if unknown or (
        aligned is not None and buffer.root < len(program.arguments) and buffer.root not in aligned
    ):
        return f"{buffer.name} does not start at a multiple of {STRIDE_BYTES} bytes"
    return None


def _why_not_subscripts(op: Load | Store) -> str | None:
    if any(extent == 0 for extent in op.buffer.shape):
        return f"{op.buffer.name} is empty"
    if any(stride == 0 for stride in op.buffer.strides):
        return f"{op.buffer.name} is broadcast"
    if any(isinstance(s, TileSlice) and s.shift != 0 for s in op.subscripts):
        return "the tile is shifted"
    if isinstance(op.subscripts[-1], ScalarIndex):
        return "the last dimension is subscripted by a number"
    return None


def descriptor_block(op: Load | Store, lanes: Callable[[Size], int]) -> tuple[int, ...]:
    """The block that a descriptor moves, one entry per dimension of the buffer."""
    return tuple(
        1
        if isinstance(subscript, ScalarIndex) or subscript.axis is None
        else lanes(subscript.axis.size)
        for subscript in op.subscripts
    )
