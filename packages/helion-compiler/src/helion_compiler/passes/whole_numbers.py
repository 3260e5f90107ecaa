"""Between which whole numbers the lanes of a value lie.

In: the ops of a Program. Out: bounds of the integers and bools that they make, by interval arithmetic. They hold of
every lane, padding too. Whatever no rule is about, what a loop carries, and what may not fit its dtype and so wraps
around, has the bounds of the dtype.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.program.fields import results
from helion_compiler.program.lane_ops import Join, Split
from helion_compiler.program.ops import (
    Broadcast,
    Full,
    Mask,
    Permute,
    Pick,
    Pointwise,
    Reshape,
    Squeeze,
    Unsqueeze,
)
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from helion_compiler.program.ops import Op

aten: Any = torch.ops.aten
_SAME_LANES = (Broadcast, Permute, Pick, Reshape, Split, Squeeze, Unsqueeze)
"""Ops that arrange, repeat or leave out lanes of ``operand``."""


@attrs.frozen
class Bounds:
    """All whole numbers from ``least`` to ``most``, both included."""

    least: int
    most: int

    def within(self, other: Bounds) -> bool:
        """Whether all numbers here are among the others."""
        return other.least <= self.least and self.most <= other.most

    def union(self, other: Bounds) -> Bounds:
        """The numbers that both have, and those between."""
        return Bounds(min(self.least, other.least), max(self.most, other.most))


def dtype_bounds(dtype: torch.dtype) -> Bounds | None:
    """What a dtype holds; None of floats."""
    if dtype.is_floating_point or dtype.is_complex:
        return None
    if dtype is torch.bool:
        return Bounds(0, 1)
    limits = torch.iinfo(dtype)
    return Bounds(limits.min, limits.max)


class WholeNumbers:
    """The bounds of each value that some ops define; ops come in the order in which they run."""

    def __init__(self, ops: Iterable[Op]) -> None:
        self._narrower: dict[Value, Bounds] = {}
        for op in ops:
            for value in results(op):
                self._define(value, op)

    def bounds(self, argument: Any) -> Bounds | None:
        """Of a value or number; None where it is no whole number, or none that is known."""
        if isinstance(argument, Value):
            return self._narrower.get(argument) or dtype_bounds(argument.type.dtype)
        return Bounds(int(argument), int(argument)) if isinstance(argument, int) else None

    def _define(self, value: Value, op: Op) -> None:
        held = dtype_bounds(value.type.dtype)
        found = None if held is None else self._found(op)
        if held is not None and found is not None and found.within(held):
            self._narrower[value] = found

    def _found(self, op: Op) -> Bounds | None:
        """What an op makes, as if no number were too large for its dtype; None where no rule tells."""
        match op:
            case Full():
                return self.bounds(op.fill)
            case Mask():
                return self._union(op.operand, op.fill)
            case Join():
                return self._union(op.first, op.second)
            case Pointwise(operator=operator) if operator in _RULES and not op.kwargs:
                return self._by_rule(op, *_RULES[operator])
            case _ if isinstance(op, _SAME_LANES):
                return self.bounds(op.operand)
            case _:
                return None

    def _union(self, first: Any, second: Any) -> Bounds | None:
        one, other = self.bounds(first), self.bounds(second)
        return None if one is None or other is None else one.union(other)

    def _by_rule(
        self, op: Pointwise, rule: Callable[..., Bounds | None], places: slice
    ) -> Bounds | None:
        operands = [self.bounds(argument) for argument in op.args[places]]
        return None if None in operands else rule(*operands)


def _kept(x: Bounds) -> Bounds:
    return x


def _sum(x: Bounds, y: Bounds) -> Bounds:
    return Bounds(x.least + y.least, x.most + y.most)


def _difference(x: Bounds, y: Bounds) -> Bounds:
    return Bounds(x.least - y.most, x.most - y.least)


def _difference_from(x: Bounds, y: Bounds) -> Bounds:
    return _difference(y, x)


def _shifted_right(x: Bounds, y: Bounds) -> Bounds | None:
    """By a number that is known; signs are kept."""
    if y.least != y.most or y.least < 0:
        return None
    return Bounds(x.least >> y.least, x.most >> y.least)


def _common_bits(x: Bounds, y: Bounds) -> Bounds | None:
    """A result has no bit that an operand lacks, so it is not negative, nor greater, where an operand is not."""
    most = [one.most for one in (x, y) if one.least >= 0]
    return Bounds(0, min(most)) if most else None


_RULES: Mapping[torch._ops.OpOverload, tuple[Callable[..., Bounds | None], slice]] = (
    MappingProxyType(
        {
            aten.add.Tensor: (_sum, slice(None)),
            aten.sub.Tensor: (_difference, slice(None)),
            aten.rsub.Scalar: (_difference_from, slice(None)),
            aten.__rshift__.Scalar: (_shifted_right, slice(None)),
            aten.bitwise_right_shift.Tensor_Scalar: (_shifted_right, slice(None)),
            aten.bitwise_and.Scalar: (_common_bits, slice(None)),
            aten.bitwise_and.Tensor: (_common_bits, slice(None)),
            aten.where.self: (Bounds.union, slice(1, None)),
            torch.ops.prims.convert_element_type.default: (_kept, slice(1)),
        }
    )
)
"""What is known of an operator, and of which of its arguments."""
