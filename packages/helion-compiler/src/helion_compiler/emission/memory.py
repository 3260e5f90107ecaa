"""Loads, stores and atomics, through pointers or tensor descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.emission.address import address
from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.held import held
from helion_compiler.program.access import accessed_shape, layout
from helion_compiler.program.types import ScalarIndex, Subscript, ValueIndex
from helion_compiler.space.descriptors import descriptor_block, descriptor_order

if TYPE_CHECKING:
    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.ops import Access, Atomic, Fence, Load, Store


def emit_load(context: EmissionContext, op: Load) -> None:
    """``name = tl.load(...)``."""
    if context.schedule.access_modes[op.name] == "tensor_descriptor":
        text = _descriptor_load(context, op)
    else:
        where, mask = address(context, op)
        # Triton casts `other` to the dtype of the tensor, and knows no cast of an integer to an 8-bit float.
        dtype = op.result.type.dtype
        zero = "0.0" if dtype.is_floating_point and dtype.itemsize == 1 else "0"
        masked = "" if mask is None else f", mask={mask}, other={zero}"
        text = f"tl.load({where}{masked}{_cache_hints(context, op)})"
    context.define(op.result, text)


def emit_store(context: EmissionContext, op: Store) -> None:
    """``tl.store(...)``."""
    value = context.use(op.value)
    if context.schedule.access_modes[op.name] == "tensor_descriptor":
        context.writer.line(_through_descriptor(context, op, "store", value))
        return
    where, mask = address(context, op)
    masked = "" if mask is None else f", mask={mask}"
    context.writer.line(f"tl.store({where}, {value}{masked}{_cache_hints(context, op)})")


def _through_descriptor(
    context: EmissionContext, op: Store | Atomic, method: str, value: str
) -> str:
    """A call that gives a descriptor a block of a value."""
    block = descriptor_block(op, context.schedule.lanes)
    descriptor = context.descriptor(op.buffer, block)
    order, lanes = moved(context, op)
    if order != sorted(order):
        value = f"tl.permute({value}, {order})"
    if lanes != list(block):
        value = f"tl.reshape({value}, {list(block)})"
    return f"{descriptor}.{method}([{descriptor_begins(context, op)}], {value})"


def _cache_hints(context: EmissionContext, op: Load | Store) -> str:
    """The arguments of a load or store that speak of the caches, a leading comma included."""
    hints = context.schedule.cache_hints[op.name]
    return "".join(
        f", {argument}={value!r}" for argument, value in attrs.asdict(hints).items() if value
    )


def emit_atomic(context: EmissionContext, op: Atomic) -> None:
    """``tl.atomic_add(...)`` and its like."""
    value = context.use(op.value)
    if context.schedule.access_modes[op.name] == "tensor_descriptor":
        if op.value.type.dtype != op.buffer.dtype:
            value = f"{value}.to({dtype_text(op.buffer.dtype)})"
        context.writer.line(_through_descriptor(context, op, f"atomic_{op.kind}", value))
        return
    where, mask = address(context, op)
    if op.expected is not None:
        text = _exchange(context, op, where, mask, value, context.use(op.expected))
    else:
        masked = "" if mask is None else f", mask={mask}"
        text = f"tl.atomic_{op.kind}({where}, {value}{masked}, sem={op.order!r})"
    context.define(op.result, text)


def _exchange(
    context: EmissionContext, op: Atomic, where: str, mask: str | None, value: str, expected: str
) -> str:
    """``tl.atomic_cas`` takes no mask: lanes of padding exchange the first element for itself."""
    if mask is not None:
        where = f"tl.where({mask}, {where}, {context.pointer(op.buffer)})"
        value = f"tl.where({mask}, {value}, {expected})"
    return f"tl.atomic_cas({where}, {expected}, {value}, sem={op.order!r})"


def emit_fence(context: EmissionContext, _op: Fence) -> None:
    """A barrier of the program's threads."""
    context.writer.line("tl.debug_barrier()")


def _descriptor_load(context: EmissionContext, op: Load) -> str:
    block = descriptor_block(op, context.schedule.lanes)
    text = f"{context.descriptor(op.buffer, block)}.load([{descriptor_begins(context, op)}])"
    order, lanes = moved(context, op)
    if lanes != list(block):
        text = f"tl.reshape({text}, {lanes})"
    if order != sorted(order):
        text = f"tl.permute({text}, {[order.index(dim) for dim in range(len(order))]})"
    return text


def moved(context: EmissionContext, op: Access) -> tuple[list[int], list[int]]:
    """The dimensions of Triton's value in the order of the descriptor, and their lanes."""
    shape = accessed_shape(op.subscripts)
    dims = held(context, shape)
    places = layout(op.subscripts)
    along = [dim for entry in descriptor_order(op.buffer) for dim in places[entry] if dim in dims]
    return [dims.index(dim) for dim in along], [context.schedule.lanes(shape[dim]) for dim in along]


def descriptor_begins(context: EmissionContext, op: Access) -> str:
    """Where the block begins that a descriptor moves, in the order of the descriptor."""
    order = descriptor_order(op.buffer)
    return ", ".join(_begin(context, op.subscripts[dim]) for dim in order)


def _begin(context: EmissionContext, subscript: Subscript) -> str:
    assert not isinstance(subscript, ValueIndex), "the space admits no descriptor for a gather"
    if isinstance(subscript, ScalarIndex):
        text, number = context.text(subscript.position), subscript.position
    elif subscript.axis is None or subscript.axis.offset is None:
        return "0"
    else:
        text, number = context.axis(subscript.axis).begin, subscript.axis.offset
    # Triton takes positions of 32 bits alone; numbers that a tensor holds may have more.
    return text if context.is_int32(number) else f"tl.cast({text}, tl.int32)"
