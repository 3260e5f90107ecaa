"""Loads and stores, through pointers or tensor descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.emission.context import INT32_LIMIT, EmissionContext, expand
from helion_compiler.program.types import Buffer, ScalarIndex, Size, Subscript, TileSlice
from helion_compiler.space.descriptors import descriptor_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.program.ops import Load, Store


def emit_load(context: EmissionContext, op: Load) -> None:
    """``name = tl.load(...)``."""
    if context.schedule.access_modes[op.name] == "tensor_descriptor":
        text = _descriptor_load(context, op)
    else:
        address, mask = _address(context, op.buffer, op.subscripts)
        # Triton casts `other` to the dtype of the tensor, and knows no cast of an integer to an 8-bit float.
        dtype = op.result.type.dtype
        zero = "0.0" if dtype.is_floating_point and dtype.itemsize == 1 else "0"
        masked = "" if mask is None else f", mask={mask}, other={zero}"
        text = f"tl.load({address}{masked})"
    context.define(op.result, text)


def emit_store(context: EmissionContext, op: Store) -> None:
    """``tl.store(...)``."""
    value = context.use(op.value)
    if context.schedule.access_modes[op.name] == "tensor_descriptor":
        block = descriptor_block(op, context.schedule.lanes)
        descriptor = context.descriptor(op.buffer, block)
        shaped = (
            value
            if len(op.value.type.shape) == len(block)
            else f"tl.reshape({value}, {list(block)})"
        )
        context.writer.line(f"{descriptor}.store([{_begins(context, op.subscripts)}], {shaped})")
        return
    address, mask = _address(context, op.buffer, op.subscripts)
    masked = "" if mask is None else f", mask={mask}"
    context.writer.line(f"tl.store({address}, {value}{masked})")


def _descriptor_load(context: EmissionContext, op: Load) -> str:
    block = descriptor_block(op, context.schedule.lanes)
    text = f"{context.descriptor(op.buffer, block)}.load([{_begins(context, op.subscripts)}])"
    shape = op.result.type.shape
    return text if len(shape) == len(block) else f"tl.reshape({text}, {context.shape(shape)})"


def _begins(context: EmissionContext, subscripts: Sequence[Subscript]) -> str:
    return ", ".join(
        context.text(s.position)
        if isinstance(s, ScalarIndex)
        else "0"
        if s.axis is None
        else context.axis(s.axis).begin
        for s in subscripts
    )


def _address(
    context: EmissionContext, buffer: Buffer, subscripts: Sequence[Subscript]
) -> tuple[str, str | None]:
    """A tile of pointers, and the mask of those that may be followed."""
    rank = sum(1 for s in subscripts if not isinstance(s, ScalarIndex))
    wide = needs_int64(context, buffer)
    offsets: list[str] = []
    masks: list[str] = []
    dim = 0
    for subscript, extent, stride in zip(subscripts, buffer.shape, buffer.strides, strict=True):
        if isinstance(subscript, ScalarIndex):
            position = context.text(subscript.position)
            offsets += _scaled(
                context,
                f"({position})" if " " in position else position,
                stride,
                wide=wide and not position.isdigit(),
            )
            continue
        if subscript.axis is not None:
            index, mask = _index(context, subscript, extent)
            offsets += _scaled(context, expand(index, rank, dim), stride, wide=wide)
            masks += [expand(part, rank, dim) for part in mask]
        dim += 1
    pointer = context.pointer(buffer)
    address = f"{pointer} + ({' + '.join(offsets)})" if offsets else pointer
    sizes = tuple(
        1 if s.axis is None else s.axis.size for s in subscripts if not isinstance(s, ScalarIndex)
    )
    covered = all(size == 1 for size in sizes) or len(offsets) >= len(sizes)
    if rank and (not offsets or not covered or _lacks_dimension(context, subscripts, buffer)):
        address = f"{address} + tl.zeros({context.shape(sizes)}, tl.int32)"
    return address, " & ".join(masks) or None


def _lacks_dimension(
    context: EmissionContext, subscripts: Sequence[Subscript], buffer: Buffer
) -> bool:
    """Whether a dimension of the result has no term in the offsets, as a broadcast one with stride
    0 has none.
    """
    return any(
        not isinstance(s, ScalarIndex)
        and (s.axis is None or context.schedule.program.resolve(stride) == 0)
        for s, stride in zip(subscripts, buffer.strides, strict=True)
    )


def _index(context: EmissionContext, subscript: Subscript, extent: Size) -> tuple[str, list[str]]:
    """The indices of one dimension, and what has to hold for them."""
    assert not isinstance(subscript, ScalarIndex)
    assert subscript.axis is not None
    names = context.axis(subscript.axis)
    masks = [] if names.mask is None else [names.mask]
    if not isinstance(subscript, TileSlice) or subscript.shift == 0:
        return names.index, masks
    shifted = f"({names.index} + {context.text(subscript.shift)})"
    return shifted, [*masks, f"({shifted} >= 0)", f"({shifted} < {context.text(extent)})"]


def _scaled(context: EmissionContext, index: str, stride: Size, *, wide: bool) -> list[str]:
    """``index * stride`` as a list of one term, or none where the stride is 0."""
    resolved = context.schedule.program.resolve(stride)
    if resolved == 0 or index == "0":
        return []
    index = f"{index}.to(tl.int64)" if wide else index
    if resolved == 1:
        return [index]
    text = context.text(stride)
    return [f"{index} * ({text})" if " " in text else f"{index} * {text}"]


def needs_int64(context: EmissionContext, buffer: Buffer) -> bool:
    """Whether offsets into a buffer may exceed 32 bits; where not known, the variant's guard keeps
    them below.
    """
    program = context.schedule.program
    span: Size = 0
    for extent, stride in zip(buffer.shape, buffer.strides, strict=True):
        span = span + extent * stride
    span = program.resolve(span)
    if not isinstance(span, int) and span.free_symbols:
        if program.example(span) < INT32_LIMIT:
            context.limits[buffer.name] = span
            return False
        return True
    return int(span) >= INT32_LIMIT
