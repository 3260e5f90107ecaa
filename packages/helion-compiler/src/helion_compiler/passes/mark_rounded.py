"""Find exponentials whose last digits nobody sees: all that becomes of them is rounded to 16 bits or fewer.

An exponential that is right in all 24 bits takes eight instructions, one that is right in twenty takes two, and `silu`,
which is made of one, ten and six. Where a result goes to memory as bfloat16 or float16, what products, quotients and
sums of positive numbers make of the difference is a hundredth of what the rounding does.

In: a Program. Out: the same, with such exponentials marked. A relative error stays what it is through products,
quotients, roots, maxima, choices and sums of numbers that are not negative; whatever could magnify it, as a difference
of numbers that are nearly equal, needs all digits, and so do factors of what a loop carries on, and what is stored, or
multiplied as a matrix, in float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import attrs
import torch

from helion_compiler.program.fields import (
    blocks,
    operands,
    parameters,
    results,
    with_blocks,
    with_fields,
)
from helion_compiler.program.ops import (
    Broadcast,
    Full,
    If,
    Loop,
    Mask,
    Permute,
    Pointwise,
    Reduce,
    Reshape,
    Squeeze,
    Unsqueeze,
)
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from helion_compiler.program.ops import Block, Op
    from helion_compiler.program.program import Program

    _Need: TypeAlias = tuple[Value, set[Value | None]]
    Needs: TypeAlias = dict[Value, set[Value | None]]

aten: Any = torch.ops.aten
_EXPONENTIALS = frozenset((aten.exp.default, aten.silu.default))
_CONVERSION = torch.ops.prims.convert_element_type.default
_POSITIVE = frozenset(
    (aten.exp.default, aten.exp2.default, aten.sigmoid.default, aten.abs.default, aten.sqrt.default)
)
"""Operators whose results are not negative, whatever the operands."""
_FACTORS = frozenset((aten.mul.Tensor, aten.div.Tensor))
_KEEPING = frozenset(
    (
        *_FACTORS,
        _CONVERSION,
        aten.maximum.default,
        aten.minimum.default,
        aten.where.self,
    )
)
"""Operators that neither magnify relative errors nor make negative numbers of others."""
_INVERTING = frozenset((aten.reciprocal.default, aten.sqrt.default, aten.rsqrt.default))
"""Others that do not magnify them."""
_VIEWS = (Broadcast, Permute, Reshape, Squeeze, Unsqueeze)
_NOBODY: frozenset[Value | None] = frozenset({None})
"""What a value needs that cannot have it."""
_NARROW = 2
"""Bytes of a float that has at most 11 significant bits."""


def mark_rounded(program: Program) -> Program:
    """``program`` with :attr:`Pointwise.rounded` set where it holds."""
    ops = list(program.walk())
    if not any(map(_is_exponential, ops)):
        return program
    positive, carried = _holding(_collected(ops, _makings)), _Carried.of(ops)
    rounded = _holding(_collected(ops, lambda op: _readings(op, positive, carried)))

    def marked(block: Block) -> Block:
        return with_fields(block, ops=tuple(mark(with_blocks(op, marked)) for op in block.ops))

    def mark(op: Op) -> Op:
        if not _is_exponential(op):
            return op
        return with_fields(op, rounded=_is_narrow(op.result) or op.result in rounded)

    return program.with_bodies(marked)


def _is_exponential(op: Op) -> TypeGuard[Pointwise]:
    return isinstance(op, Pointwise) and op.operator in _EXPONENTIALS


def _is_narrow(value: Value) -> bool:
    dtype = value.type.dtype
    return dtype.is_floating_point and dtype.itemsize <= _NARROW


def _holding(needs: Mapping[Value, set[Value | None]]) -> frozenset[Value]:
    """The values for which something holds. Each needs that it holds for others, or, with None, cannot have it; it
    holds for nothing that is not among them.
    """
    needed_by: dict[Value, list[Value]] = {}
    for value, others in needs.items():
        for other in others:
            if other is not None:
                needed_by.setdefault(other, []).append(value)
    waiting = [value for value, others in needs.items() if None in others]
    waiting += [value for value in needed_by if value not in needs]
    refuted = set(waiting)
    while waiting:
        for value in needed_by.get(waiting.pop(), ()):
            if value not in refuted:
                refuted.add(value)
                waiting.append(value)
    return frozenset(needs.keys() - refuted)


def _collected(ops: Iterable[Op], of: Callable[[Op], Iterator[_Need]]) -> Needs:
    """What the values of some ops need, as ``of`` tells for each op."""
    needs: Needs = {}
    for op in ops:
        for value, others in of(op):
            needs.setdefault(value, set()).update(others)
    return needs


def _makings(op: Op) -> Iterator[_Need]:
    """Of what an op makes, which values must not be negative for it not to be."""
    match op:
        case Loop():
            for parameter, result, initial, following in _carried(op):
                yield parameter, {initial, following}
                yield result, {parameter}
        case Full():
            known = isinstance(op.fill, int | float) and op.fill >= 0
            yield op.result, set() if known else {None}
        case Mask():
            yield op.result, {op.operand} if op.fill >= 0 else {None}
        case Reduce(kind="sum" | "amax" | "amin" | "prod"):
            yield op.result, {op.operand}
        case Pointwise():
            yield op.result, _signs(op)
        case _ if isinstance(op, _VIEWS):
            yield op.result, {op.operand}
        case _:
            yield from ((value, {*_NOBODY}) for value in results(op))


def _signs(op: Pointwise) -> set[Value | None]:
    """What must not be negative for the result not to be."""
    if op.operator in _POSITIVE:
        return set()
    if op.operator not in (*_KEEPING, aten.add.Tensor) or not _adds_only_positive(op):
        return {None}
    args = op.args[1:] if op.operator is aten.where.self else op.args
    return {arg for arg in args if isinstance(arg, Value)}


def _adds_only_positive(op: Pointwise) -> bool:
    """Whether the numbers among the operands are none that could make a difference of a sum."""
    numbers = [arg for arg in op.args if isinstance(arg, int | float)]
    return not op.kwargs and all(number >= 0 for number in numbers)


@attrs.frozen
class _Carried:
    """``values``: what loops carry on, and views of it; ``dependent``: what is computed of that, too."""

    values: frozenset[Value]
    dependent: frozenset[Value]

    @classmethod
    def of(cls, ops: Iterable[Op]) -> _Carried:
        """Of all loops among some ops."""
        values, dependent = set[Value](), set[Value]()
        for op in ops:
            values.update(parameters(op))
            dependent.update(parameters(op))
            if isinstance(op, _VIEWS) and op.operand in values:
                values.add(op.result)
            if isinstance(op, If) or not dependent.isdisjoint(operands(op)):
                dependent.update(results(op))
        return cls(frozenset(values), frozenset(dependent))

    def multiplies(self, op: Op, value: Value) -> bool:
        """Whether an operand is a factor, new in each turn, of what depends on turns before: errors multiply."""
        if not isinstance(op, Pointwise) or op.operator not in _FACTORS or value in self.values:
            return False
        return any(other in self.dependent for other in operands(op) if other is not value)


def _readings(op: Op, positive: frozenset[Value], carried: _Carried) -> Iterator[_Need]:
    """Of what an op reads, which of its results have to be rounded for it to be."""
    yield from ((value, set()) for value in (*results(op), *parameters(op)))
    if isinstance(op, Loop):
        for parameter, result, initial, following in _carried(op):
            yield initial, {parameter, result}
            yield following, {parameter, result}
        return
    through = _through(op, positive)
    for value in operands(op):
        yield value, {None} if carried.multiplies(op, value) else through
    yield from ((value, {*_NOBODY}) for block in blocks(op) for value in block.yields)


def _through(op: Op, positive: frozenset[Value]) -> set[Value | None]:
    """Which results have to be rounded for what an op reads to be; None where its digits are seen."""
    match op:
        case Pointwise(operator=operator):
            if operator is _CONVERSION and not op.result.type.dtype.is_floating_point:
                return {None}  # a number that is nearly three may become two
            if operator is _CONVERSION and _is_narrow(op.result):
                return set()
            sums = operator is aten.add.Tensor and _adds_only_positive(op)
            sums = sums and positive.issuperset(operands(op))
            return {op.result} if sums or operator in (*_KEEPING, *_INVERTING) else {None}
        case Reduce(kind="sum") if op.operand not in positive:
            return {None}
        case Reduce(kind="sum" | "amax" | "amin") | Mask():
            return {op.result}
        case _ if isinstance(op, _VIEWS):
            return {op.result}
        case _:
            return {None}


def _carried(loop: Loop) -> Iterator[tuple[Value, Value, Value, Value]]:
    """Parameter, result, initial value and following one of each value that a loop carries."""
    return zip(loop.parameters, loop.results, loop.initial, loop.body.yields, strict=True)
