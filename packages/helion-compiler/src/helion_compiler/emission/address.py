"""The addresses of an access, as a tile of pointers, and the mask of those that may be followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from helion_compiler.emission.context import INT32_LIMIT, EmissionContext
from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.held import held, placed, spread
from helion_compiler.emission.writer import atom
from helion_compiler.program.access import accessed_shape, layout
from helion_compiler.program.types import (
    Buffer,
    ScalarIndex,
    Size,
    Subscript,
    TileSlice,
    ValueIndex,
    WholeSlice,
)

if TYPE_CHECKING:
    from helion_compiler.program.ops import Access

Dims: TypeAlias = tuple[int, ...]


def address(context: EmissionContext, op: Access) -> tuple[str, str | None]:
    """Pointers to what ``op`` reads or writes, and the condition under which each may be followed."""
    shape = accessed_shape(op.subscripts, op.addresses)
    stacked = 0 if op.addresses is None else len(op.addresses.type.shape)
    places = tuple(tuple(dim + stacked for dim in dims) for dims in layout(op.subscripts))
    wide = needs_int64(context, op.buffer)
    offsets: list[str] = []
    covered: set[int] = {dim for dim in range(stacked) if shape[dim] != 1}
    for entry, dims, stride in zip(op.subscripts, places, op.buffer.strides, strict=True):
        terms = _scaled(context, _index(context, entry, dims, shape), stride, wide=wide)
        offsets += terms
        if terms:
            covered |= _spanned(entry, dims)
    pointer = _beginning(context, op, shape)
    text = f"{pointer} + ({' + '.join(offsets)})" if offsets else pointer
    if not covered.issuperset(held(context, shape)):
        text = f"{text} + tl.zeros({context.shape(shape)}, tl.int32)"
    return text, " & ".join(_masks(context, op, shape, places)) or None


def _beginning(context: EmissionContext, op: Access, shape: tuple[Size, ...]) -> str:
    """A pointer to the first element of the tensor, or of each of several."""
    if op.addresses is None:
        return context.pointer(op.buffer)
    addresses = placed(context, op.addresses, shape, range(len(op.addresses.type.shape)))
    return f"{addresses}.to(tl.pointer_type({dtype_text(op.buffer.dtype)}))"


def _spanned(entry: Subscript, dims: Dims) -> set[int]:
    """The dimensions along which a subscript has lanes of its own; Triton broadcasts those of one lane."""
    if isinstance(entry, ValueIndex):
        sizes = entry.value.type.shape
        return {dim for dim, size in zip(dims, sizes, strict=True) if size != 1}
    if isinstance(entry, WholeSlice) and entry.axis is None:
        return set()  # one index is a number, wherever it begins
    return set(dims)


def _index(context: EmissionContext, entry: Subscript, dims: Dims, shape: tuple[Size, ...]) -> str:
    """The indices that a subscript selects, as text that broadcasts to the shape."""
    match entry:
        case ScalarIndex():
            position = context.text(entry.position)
            return f"({position})" if " " in position else position
        case TileSlice():
            index = spread(context, context.axis(entry.axis).index, shape, dims[0])
            return index if entry.shift == 0 else f"({index} + {context.text(entry.shift)})"
        case WholeSlice():
            return _slice_index(context, entry, dims, shape)
        case ValueIndex():
            return placed(context, entry.value, shape, dims)


def _slice_index(
    context: EmissionContext, entry: WholeSlice, dims: Dims, shape: tuple[Size, ...]
) -> str:
    begin = atom(context.text(entry.begin))
    if entry.axis is None:
        return begin
    index = spread(context, context.whole(entry.axis).index, shape, dims[0])
    if entry.step != 1:
        index = f"{index} * {atom(context.text(entry.step))}"
    if begin != "0":
        index = f"{begin} + {index}"
    return f"({index})" if " " in index and (entry.step != 1 or begin != "0") else index


def _masks(
    context: EmissionContext, op: Access, shape: tuple[Size, ...], places: tuple[Dims, ...]
) -> list[str]:
    """What has to hold for a lane to be followed: it is no padding, inside the tensor, and asked for."""
    axes = {
        dims[0]: entry.axis
        for entry, dims in zip(op.subscripts, places, strict=True)
        if isinstance(entry, TileSlice)
    }
    found = [context.lane_mask(shape, dim, axes.get(dim)) for dim in range(len(shape))]
    masks = [mask for mask in found if mask is not None]
    for entry, dims, extent in zip(op.subscripts, places, op.buffer.shape, strict=True):
        if isinstance(entry, TileSlice) and (entry.shift != 0 or entry.clipped):
            index = _index(context, entry, dims, shape)
            masks += [f"({index} >= 0)"] if entry.shift != 0 else []
            masks.append(f"({index} < {context.text(extent)})")
    extra = getattr(op, "extra_mask", None)
    if extra is not None:
        masks.append(placed(context, extra, shape))
    return masks


def _scaled(context: EmissionContext, index: str, stride: Size, *, wide: bool) -> list[str]:
    """``index * stride`` as a list of one term, or none where the stride is 0."""
    resolved = context.schedule.program.resolve(stride)
    if resolved == 0 or index == "0":
        return []
    if wide and not index.isdigit():
        index = f"tl.cast({index}, tl.int64)"
    if resolved == 1:
        return [index]
    text = context.text(stride)
    return [f"{index} * ({text})" if " " in text else f"{index} * {text}"]


def needs_int64(context: EmissionContext, buffer: Buffer) -> bool:
    """Whether offsets into a buffer may exceed 32 bits; where not known, the variant's guard keeps them
    below.
    """
    program = context.schedule.program
    span: Size = 0
    for extent, stride in zip(buffer.shape, buffer.strides, strict=True):
        span = span + extent * stride
    span = context.schedule.concrete(span)
    if not isinstance(span, int) and span.free_symbols:
        if program.example(span) < INT32_LIMIT:
            context.limits[buffer.name] = span
            return False
        return True
    return int(span) >= INT32_LIMIT
