"""Which accesses a tensor descriptor can serve, and the block it would move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.program.types import (
    ScalarIndex,
    Size,
    Subscript,
    TileSlice,
    ValueIndex,
    WholeSlice,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.program.divisors import Divisors
    from helion_compiler.program.ops import Access
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Buffer

MAX_RANK = 5
MAX_EXTENT = 1 << 31
"""Positions in a descriptor's tensor are int32."""
STRIDE_BYTES = 16


def why_no_descriptor(
    program: Program, op: Access, aligned: frozenset[int] | None = None
) -> str | None:
    """Why no config may use a descriptor for this access; None if one may.

    ``aligned`` are the arguments whose addresses are multiples of 16 bytes; None means all.
    """
    if op.addresses is not None:
        return "it is known by its address alone"
    return (
        _why_not_layout(op.buffer)
        or _why_not_aligned(program, op.buffer, aligned)
        or _why_not_subscripts(op)
        or _why_not_begin(program, op)
        or _why_not_ordered(program, op)
    )


def descriptor_order(buffer: Buffer) -> tuple[int, ...]:
    """The dimensions as a descriptor has them: the contiguous one last, all others as they are."""
    dims = range(len(buffer.shape))
    contiguous = [dim for dim in dims if buffer.strides[dim] == 1]
    last = contiguous[-1] if contiguous else dims[-1]
    return (*(dim for dim in dims if dim != last), last)


def reads_nothing_behind(
    program: Program, divisors: Divisors, axis: Axis, extent: Size, lanes: Callable[[Size], int]
) -> bool:
    """Whether the blocks of a loop over a dimension of ``extent`` indices end where that or the loop does, so that none
    brings in what a mask would have hidden.

    A loop that ends with the dimension or before, whichever comes first, does so if its blocks divide it up to the
    latter.
    """
    ends = [axis.end]
    end = program.resolve(axis.end)
    if not isinstance(end, int) and type(end).__name__ == "Min":
        ends = list(end.args)
    others = [one for one in ends if not program.same(one, extent)]
    step = lanes(axis.size)
    return all(divisors.divides(step, one - axis.begin, lanes) for one in others)


def _why_not_layout(buffer: Buffer) -> str | None:
    if not 2 <= len(buffer.shape) <= MAX_RANK:
        return f"descriptors have 2 to {MAX_RANK} dimensions, {buffer.name} has {len(buffer.shape)}"
    if buffer.dtype in (torch.bool, torch.float64, torch.int64):
        return f"descriptors do not move {buffer.dtype}"
    if 1 not in buffer.strides:
        return f"no dimension of {buffer.name} is contiguous"
    if any(isinstance(extent, int) and extent >= MAX_EXTENT for extent in buffer.shape):
        return f"{buffer.name} is longer than positions of 32 bits reach"
    return None


def _why_not_aligned(
    program: Program, buffer: Buffer, aligned: frozenset[int] | None
) -> str | None:
    strides = [buffer.strides[dim] for dim in descriptor_order(buffer)[:-1]]
    for stride in (*strides, buffer.offset):
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


def _why_not_subscripts(op: Access) -> str | None:
    buffer, subscripts = op.buffer, op.subscripts
    slices = [s for s in subscripts if isinstance(s, WholeSlice)]
    tiles = [s for s in subscripts if isinstance(s, TileSlice)]
    reasons = {
        f"{buffer.name} is empty": any(extent == 0 for extent in buffer.shape),
        f"{buffer.name} is broadcast": any(stride == 0 for stride in buffer.strides),
        "it is subscripted by values": any(isinstance(s, ValueIndex) for s in subscripts),
        "it is a slice with a beginning or a step": any(
            (s.begin, s.step) != (0, 1) for s in slices
        ),
        "the tile is shifted": any(s.shift != 0 for s in tiles),
        "the tile reaches beyond the tensor": any(s.clipped for s in tiles),
        "the lanes of a jagged tile end at places of their own": any(
            s.axis.ends is not None for s in tiles
        ),
        "it has a mask of its own": getattr(op, "extra_mask", None) is not None,
        "it asks for an eviction policy": bool(getattr(op, "eviction_policy", "")),
        "its contiguous dimension is subscripted by a number": isinstance(
            subscripts[descriptor_order(buffer)[-1]], ScalarIndex
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _why_not_begin(program: Program, op: Access) -> str | None:
    """Blocks of a descriptor begin at multiples of 16 bytes along the contiguous dimension."""
    last = op.subscripts[descriptor_order(op.buffer)[-1]]
    if not isinstance(last, TileSlice):
        return None
    begin = program.resolve(last.axis.begin)
    known = isinstance(begin, int) or begin.is_Integer
    if known and int(begin) * op.buffer.dtype.itemsize % STRIDE_BYTES == 0:
        return None
    return f"the loop over {last.axis.name} does not begin at a multiple of {STRIDE_BYTES} bytes"


def _why_not_ordered(program: Program, op: Access) -> str | None:
    """Fences order what threads do, and descriptors' copies are not the threads'."""
    owner = program.owner(op.buffer)
    kinds = {type(other) for other in program.accesses() if program.owner(other.buffer) == owner}
    return f"{op.buffer.name} is both read and written" if len(kinds) > 1 else None


def descriptor_block(op: Access, lanes: Callable[[Size], int]) -> tuple[int, ...]:
    """The block that a descriptor moves, in the order of its dimensions."""
    return tuple(_length(op.subscripts[dim], lanes) for dim in descriptor_order(op.buffer))


def _length(subscript: Subscript, lanes: Callable[[Size], int]) -> int:
    if isinstance(subscript, ScalarIndex | ValueIndex) or subscript.axis is None:
        return 1
    return lanes(subscript.axis.size)
