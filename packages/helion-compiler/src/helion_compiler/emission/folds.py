"""Reductions and scans by a function of the author's: the function as Triton source of its own, then one call.

Triton's combine functions see nothing but the lanes that they combine. What the author's function reads besides
goes along as further operands, the same in every lane; so does, where padding has to be left out, whether a lane
counts.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import attrs

from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.held import position
from helion_compiler.emission.numbers import number_text
from helion_compiler.program.captures import captured_symbols, captured_values
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    import sympy

    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.ops import Fold
    from helion_compiler.program.types import Size


def emit_fold(context: EmissionContext, op: Fold) -> None:
    """``tl.reduce`` or ``tl.associative_scan``, of one tensor or of a tuple."""
    shape = op.operands[0].type.shape
    mask = context.lane_mask(shape, op.dim) if op.guarded else None
    dim = position(context, shape, op.dim)
    if dim is None:
        _fold_one_lane(context, op, mask)
        return
    emission = _FoldEmission(context, op, _captures(context, op))
    operands = [context.use(value) for value in op.operands]
    operands += [emission.spread(capture) for capture in emission.captures]
    if mask is not None:
        operands.append(f"tl.broadcast_to({mask}, {context.shape(shape)}).to(tl.int32)")
    name = emission.function(guarded=mask is not None)
    joined = operands[0] if len(operands) == 1 else f"({', '.join(operands)})"
    call = "tl.associative_scan" if op.scan else "tl.reduce"
    reverse = ", reverse=True" if op.reverse else ""
    text = f"{call}({joined}, {dim}, {name}{reverse})"
    if len(operands) == 1:
        context.define(op.results[0], text)
        return
    names = [context.name(value) for value in op.results]
    rest = [context.writer.name("unused") for _ in emission.captures]
    counts = [context.writer.name("counts")] if mask is not None else []
    context.writer.line(f"{', '.join([*names, *rest, *counts])} = {text}")
    if counts and op.empty and _may_be_empty(context, shape[op.dim]):
        for variable, value, empty in zip(names, op.results, op.empty, strict=True):
            fill = f"tl.full([], {number_text(empty)}, {dtype_text(value.type.dtype)})"
            context.writer.line(f"{variable} = tl.where({counts[0]} != 0, {variable}, {fill})")


def _fold_one_lane(context: EmissionContext, op: Fold, mask: str | None) -> None:
    """What the lane holds, unless it is padding."""
    for value, operand, empty in itertools.zip_longest(op.results, op.operands, op.empty):
        if mask is None or empty is None:
            context.bind(value, context.use(operand))
        else:
            fill = f"tl.full([], {number_text(empty)}, {dtype_text(value.type.dtype)})"
            context.define(value, f"tl.where({mask}, {context.use(operand)}, {fill})")


def _captures(context: EmissionContext, op: Fold) -> tuple[Value | sympy.Symbol, ...]:
    """What the author's function reads from outside, and the compiler of the kernel does not know."""
    symbols = [
        symbol
        for symbol in captured_symbols(op.combine)
        if not context.text(symbol).lstrip("-").isdigit()
    ]
    return (*captured_values(op.combine, op.parameters), *symbols)


def _may_be_empty(context: EmissionContext, size: Size) -> bool:
    """Whether a dimension may be padding alone; a loop has no tile without indices."""
    parts = context.schedule.program.products.get(size)
    if parts is not None:
        return any(_may_be_empty(context, part) for part in parts)
    axis = context.axis_of(size)
    if axis is None:
        return False
    return axis.ends is not None or (axis.whole and not (isinstance(size, int) and size > 0))


@attrs.frozen
class _FoldEmission:
    """Writes the combine function of one fold."""

    context: EmissionContext
    op: Fold
    captures: tuple[Value | sympy.Symbol, ...]

    def spread(self, capture: Value | sympy.Symbol) -> str:
        """A capture, the same in every lane of the operands."""
        context = self.context
        text = context.use(capture) if isinstance(capture, Value) else context.text(capture)
        shape = context.shape(self.op.operands[0].type.shape)
        return f"tl.full({shape}, {text}, {self._dtype(capture)})"

    def _dtype(self, capture: Value | sympy.Symbol) -> str:
        if isinstance(capture, Value):
            return dtype_text(capture.type.dtype)
        if capture.is_integer is not False:
            return "tl.int64"
        return "tl.float64" if self.context.schedule.program.computes_doubles() else "tl.float32"

    def function(self, *, guarded: bool) -> str:
        """The name of the function, which takes all that is on the left, then all that is on the right."""
        count = len(self.op.operands)
        left, right = self.op.parameters[:count], self.op.parameters[count:]
        counts = [Value("counts", value.type) for value in left[:1] if guarded]
        again = [Value("counts", value.type) for value in right[:1] if guarded]
        parameters = (*left, *self.captures, *counts, *right, *self.captures, *again)
        return self.context.function("combine", parameters, self._body(guarded=guarded))

    def _body(self, *, guarded: bool) -> Callable[[list[str]], list[str]]:
        count = len(self.op.operands)

        def body(names: list[str]) -> list[str]:
            half = len(names) // 2
            self.context.emit_block(self.context, self.op.combine)
            results = [self._result(value) for value in self.op.combine.yields]
            if guarded:
                here, there = names[half - 1], names[-1]
                pairs = zip(results, names[:count], names[half : half + count], strict=True)
                results = [
                    f"tl.where({here} == 0, {right}, tl.where({there} == 0, {left}, {result}))"
                    for result, left, right in pairs
                ]
            passed = names[count : half - 1 if guarded else half]
            return [*results, *passed, *([f"{here} | {there}"] if guarded else [])]

        return body

    def _result(self, value: Value) -> str:
        """A result; with numbers of the host in it, Triton may have made it wider than it is."""
        name = self.context.use(value)
        widened = any(not isinstance(capture, Value) for capture in self.captures)
        return f"{name}.to({dtype_text(value.type.dtype)})" if widened else name
