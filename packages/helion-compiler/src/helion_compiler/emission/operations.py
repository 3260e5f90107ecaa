"""How each op that computes becomes text: a table from op to rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion import exc
from helion_compiler.emission.comparisons import index_comparison
from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.folds import emit_fold
from helion_compiler.emission.foreign import (
    emit_assembly,
    emit_breakpoint,
    emit_call,
    emit_inline,
    emit_print,
)
from helion_compiler.emission.held import held, placed
from helion_compiler.emission.lanes import emit_cut, emit_join, emit_random, emit_renew, emit_split
from helion_compiler.emission.memory import emit_atomic, emit_fence, emit_load, emit_store
from helion_compiler.emission.numbers import number_text
from helion_compiler.emission.products import emit_dot
from helion_compiler.emission.reductions import emit_reduce
from helion_compiler.emission.shapes import (
    emit_broadcast,
    emit_mask,
    emit_permute,
    emit_pick,
    emit_reshape,
    emit_same_lanes,
    emit_sort,
)
from helion_compiler.emission.small_numbers import small_number
from helion_compiler.program.fields import operands
from helion_compiler.program.foreign_ops import (
    Breakpoint,
    CallTriton,
    InlineAssembly,
    InlineTriton,
    Print,
)
from helion_compiler.program.lane_ops import Cut, Join, Random, Renew, Split
from helion_compiler.program.ops import (
    Atomic,
    Broadcast,
    Dot,
    Fence,
    Fold,
    Full,
    Iota,
    Load,
    Mask,
    Number,
    Permute,
    Pick,
    Pointwise,
    Range,
    Reduce,
    Reshape,
    Sort,
    Squeeze,
    Store,
    Unsqueeze,
)
from helion_compiler.program.types import Value
from helion_compiler.torch_bridge.approximations import APPROXIMATIONS
from helion_compiler.torch_bridge.elementary import ROUGH_OPERATORS
from helion_compiler.torch_bridge.operands import (
    NotPointwise,
    PointwiseTemplate,
    ScalarOperand,
    TensorOperand,
)
from helion_compiler.torch_bridge.pointwise import lower_pointwise

if TYPE_CHECKING:
    from collections.abc import Callable

    import sympy

    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.types import Size


def emit_full(context: EmissionContext, op: Full) -> None:
    """``tl.full``; a rank-0 tile is a full of no dimensions."""
    fill = number_text(op.fill) if isinstance(op.fill, int | float) else context.text(op.fill)
    type_ = op.result.type
    context.define(op.result, context.full(type_.shape, fill, type_.dtype))


def emit_range(context: EmissionContext, op: Range) -> None:
    """The indices of a tile, which the loop already made."""
    index = context.axis(op.axis).index
    if context.schedule.axis_lanes(op.axis) == 1:
        context.define(op.result, f"tl.full([], {index}, {dtype_text(op.result.type.dtype)})")
    else:
        context.bind(op.result, index)
        context.indices[op.result] = op.axis


def emit_iota(context: EmissionContext, op: Iota) -> None:
    """``tl.arange``."""
    size = op.result.type.shape[0]
    lanes = context.schedule.lanes(size)
    text = context.arange(size) if lanes != 1 else "tl.full([], 0, tl.int32)"
    context.define(op.result, text)


def emit_number(context: EmissionContext, op: Number) -> None:
    """The scalar's own variable."""
    assert not isinstance(op.symbol, int)
    context.number(op.symbol, context.use(op.operand))


def _emit_comparison(context: EmissionContext, op: Pointwise) -> bool:
    """A comparison of indices, with the mask that alone reads it if it has one; whether it is one."""
    mask = context.masks.get(op.result)
    masked = None if mask is None else index_comparison(context, op, mask)
    if mask is not None and masked is not None:
        context.define(mask.result, masked)
        context.masked.add(mask)
        return True
    compared = index_comparison(context, op)
    if compared is not None:
        context.define(op.result, compared)
    return compared is not None


def emit_pointwise(context: EmissionContext, op: Pointwise) -> None:
    """TorchInductor's text for the operator, line by line."""
    if _emit_comparison(context, op):
        return
    small = small_number(context, op)
    if small is not None:
        context.define(op.result, small)
        return
    operands: list[str] = []
    shape = op.result.type.shape
    args = tuple(_template_argument(context, argument, shape, operands) for argument in op.args)
    kwargs = {
        name: _template_argument(context, argument, shape, operands)
        for name, argument in op.kwargs.items()
    }
    dtype = op.result.type.dtype
    try:
        template = lower_pointwise(
            op.operator,
            args,
            kwargs,
            dtype,
            approximated=_approximated(context, op),
            elementary=context.schedule.abilities.elementary and not _reads_renewed(context, op),
        )
    except NotPointwise as error:
        raise exc.UnsupportedOperator(
            span=None if op.location is None else op.location.span,
            operator=str(op.operator),
            reason=str(error),
        ) from error
    context.uses |= template.uses
    text = _template_text(context, op, template, operands)
    leaves = _leaves((*op.args, *op.kwargs.values()))
    shapes = [leaf.type.shape for leaf in leaves if isinstance(leaf, Value)]
    if shape and (
        not shapes or (held(context, shape) and not any(held(context, s) for s in shapes))
    ):
        text = context.full(shape, text, dtype)
    context.define(op.result, text)


def _reads_renewed(context: EmissionContext, op: Pointwise) -> bool:
    """Whether an operand is held as it was loaded, whose conversion by shifts would take more registers."""
    return bool(context.renewed) and not context.renewed.isdisjoint(operands(op))


def _approximated(context: EmissionContext, op: Pointwise) -> frozenset[str]:
    """What of an operator may be computed in few instructions."""
    if context.schedule.fast_math:
        return frozenset((*APPROXIMATIONS, *ROUGH_OPERATORS))
    return frozenset(("exp", *ROUGH_OPERATORS)) if op.rounded else frozenset()


def _template_text(
    context: EmissionContext, op: Pointwise, template: PointwiseTemplate, operands: list[str]
) -> str:
    """Write the temporaries of a template and return its result; a temporary that is the result is
    not written twice.
    """
    names: dict[str, str] = {}
    for temporary, text in template.lines:
        written = text.format(*operands, **names)
        if template.result == f"{{{temporary}}}":
            return written
        name = context.writer.name(f"{op.result.name}_{temporary}")
        context.writer.line(f"{name} = {written}")
        names[temporary] = name
    return template.result.format(*operands, **names)


def _template_argument(
    context: EmissionContext, argument: Any, shape: tuple[Size, ...], operands: list[str]
) -> Any:
    """An argument as the template is keyed by; its text goes to ``operands``."""
    if isinstance(argument, Value):
        operands.append(placed(context, argument, shape))
        return TensorOperand(argument.type.dtype)
    if isinstance(argument, tuple):
        return tuple(_template_argument(context, item, shape, operands) for item in argument)
    if hasattr(argument, "free_symbols"):
        return _number_argument(context, argument, operands)
    return argument


def _number_argument(context: EmissionContext, number: sympy.Expr, operands: list[str]) -> Any:
    text = context.text(number)
    if text.lstrip("-").isdigit():
        return int(text)
    is_float = number.is_Symbol and not number.is_integer  # the host computes every other float
    operands.append(text if is_float else f"({text})")
    return ScalarOperand("float" if is_float else "int")


def _leaves(arguments: tuple[Any, ...]) -> list[Any]:
    return [leaf for a in arguments for leaf in (_leaves(a) if isinstance(a, tuple) else [a])]


# Products.


EMITTERS: dict[type, Callable[[EmissionContext, Any], None]] = {
    Load: emit_load,
    Store: emit_store,
    Atomic: emit_atomic,
    Fence: emit_fence,
    Full: emit_full,
    Range: emit_range,
    Iota: emit_iota,
    Number: emit_number,
    Pointwise: emit_pointwise,
    Reduce: emit_reduce,
    Fold: emit_fold,
    Dot: emit_dot,
    Permute: emit_permute,
    Unsqueeze: emit_same_lanes,
    Squeeze: emit_same_lanes,
    Broadcast: emit_broadcast,
    Reshape: emit_reshape,
    Pick: emit_pick,
    Sort: emit_sort,
    Mask: emit_mask,
    Random: emit_random,
    Join: emit_join,
    Split: emit_split,
    Cut: emit_cut,
    Renew: emit_renew,
    Print: emit_print,
    Breakpoint: emit_breakpoint,
    InlineTriton: emit_inline,
    CallTriton: emit_call,
    InlineAssembly: emit_assembly,
}
