"""Comparisons of the indices of two tiles, as causal masks have them.

``q.index[:, None] >= k.index[None, :]`` is written as ``(q.begin - k.begin + i)[:, None] >= j[None, :]``, where i and j
count the lanes of a tile: in a loop over k, one scalar and the rows of a thread change with each turn, and columns are
compared with constants. As the author wrote it, LLVM counts the loop in 64 bits for the sake of addresses, and the
columns' indices with it, so that each lane takes two additions and two comparisons.

Where columns end before their tile does, and those beyond are to compare as false, what rows are compared with ends
there, too: one comparison for each lane instead of two.

Where the comparison chooses floats that are rounded to narrower ones, it is one of floats itself. LLVM would make a
choice by integers behind the rounding, of lanes that lie in a register in pairs: three instructions more for each pair
(InstCombine folds casts into choices, but for those whose condition compares what is chosen).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.emission.held import held, spread
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.ops import Mask, Pointwise
    from helion_compiler.program.types import Axis

aten: Any = torch.ops.aten

_SIGNS: Mapping[Any, str] = MappingProxyType(
    {aten.ge.Tensor: ">=", aten.gt.Tensor: ">", aten.le.Tensor: "<=", aten.lt.Tensor: "<"}
)


def index_comparison(
    context: EmissionContext, op: Pointwise, masked: Mask | None = None
) -> str | None:
    """The text of a comparison of two tiles' indices along two dimensions; None of anything else, and where ``masked``
    asks for false lanes that no end of rows gives.
    """
    sign = _SIGNS.get(op.operator)
    if sign is None or not all(isinstance(argument, Value) for argument in op.args):
        return None
    sides = [(context.indices.get(value), _dim(context, op, value)) for value in op.args]
    (first, rows), (second, columns) = sides
    if first is None or second is None or rows is None or columns is None or rows == columns:
        return None
    if not (_begins_at_zero_or_above(context, first) and _begins_at_zero_or_above(context, second)):
        return None
    moves = 0 if rows < columns else 1  # of rows a thread has fewer, in products' results
    row, column = (first, second) if moves == 0 else (second, first)
    left = None
    if masked is not None:
        names, is_less = context.axis(column), (moves == 0) == sign.startswith(">")
        if not is_less or masked.dim == sides[moves][1] or names.mask is None or names.ends:
            return None
        left = _left(context, column, reached="=" in sign)
    apart = _apart(context, row, column)
    cast = ".to(tl.float32)" if op.result in context.chooses_narrowed else ""
    texts = []
    for side, (axis, dim) in enumerate(((first, rows), (second, columns))):
        lanes = context.arange(axis.size)
        shape = op.result.type.shape
        if side == moves:
            lanes = (
                f"({apart} + {lanes})" if left is None else f"tl.minimum({apart} + {lanes}, {left})"
            )
        texts.append(spread(context, f"{lanes}{cast}", shape, dim))
    return f"{texts[0]} {sign} {texts[1]}"


def _dim(context: EmissionContext, op: Pointwise, value: Value) -> int | None:
    """The dimension of the result along which an operand has lanes; None unless there is exactly one."""
    shape = value.type.shape
    dims = held(context, shape)
    return dims[0] + len(op.result.type.shape) - len(shape) if len(dims) == 1 else None


def _begins_at_zero_or_above(context: EmissionContext, axis: Axis) -> bool:
    begin = context.schedule.program.resolve(axis.begin)
    return begin >= 0 if isinstance(begin, int) else bool(begin.is_nonnegative)


def _apart(context: EmissionContext, axis: Axis, other: Axis) -> str:
    """A scalar of 32 bits: how far an axis's block begins behind another's, or as far as they overlap no more. The
    bounds change no comparison, and keep LLVM from counting in 64 bits again.
    """
    name = context.writer.name(f"{axis.name}_behind")
    text = f"{context.axis(axis).begin} - {context.axis(other).begin}"
    low, high = -context.schedule.axis_lanes(axis), context.schedule.axis_lanes(other)
    context.writer.line(f"{name} = tl.minimum(tl.maximum({text}, {low}), {high}).to(tl.int32)")
    return name


def _left(context: EmissionContext, axis: Axis, *, reached: bool) -> str:
    """A scalar of 32 bits: how many lanes of a block are indices of its range, at most all of them; the last of these
    where a comparison reaches what it compares with.
    """
    name = context.writer.name(f"{axis.name}_left")
    text = f"{context.text(axis.end)} - {context.axis(axis).begin}"
    lanes = context.schedule.axis_lanes(axis)
    text = f"tl.minimum({text}, {lanes}).to(tl.int32)"
    context.writer.line(f"{name} = {text} - 1" if reached else f"{name} = {text}")
    return name
