"""Find sums of exponentials relative to a maximum, which one loop can take together with the maximum.

A row's softmax needs its maximum before it can sum ``exp(x - maximum)``: two loops over a row that does not fit
registers, and two readings of it. One is enough where the sum so far is rescaled whenever the maximum grows (Milakov
and Gimelshein, "Online normalizer calculation for softmax", 2018); :mod:`.online_maximum` builds that loop.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.program.fields import made_by
from helion_compiler.program.ops import Broadcast, Mask, Op, Pointwise, Reduce
from helion_compiler.program.sources import sources_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_compiler.program.ops import Block
    from helion_compiler.program.types import Size, Value

aten: Any = torch.ops.aten
_EXPONENTIALS = {aten.exp.default: math.log2(math.e), aten.exp2.default: 1.0}
"""Exponentials, with the factor that makes an exponent one of two."""
_WIDE = (torch.float32, torch.float64)


@attrs.frozen(eq=False)
class OnlineSum:
    """``total``, a sum of ``exp(x - shift)`` or of multiples of it, where ``maximum`` is that of ``x``.

    ``difference`` is the op of ``x - shift`` and ``exponential`` that of its exponential; ``shift`` is the maximum or
    whatever a row makes of it, of size 1 along the axis.
    """

    maximum: Reduce
    total: Reduce
    difference: Pointwise
    exponential: Pointwise
    shift: Value

    @property
    def scale(self) -> float:
        """What makes its exponents exponents of two."""
        return _EXPONENTIALS[self.exponential.operator]

    @property
    def minuend(self) -> Value:
        """``x``."""
        value: Value = self.difference.args[0]
        return value

    def kept(self) -> tuple[Size, ...]:
        """The shape of a row's values: the operand's, of size 1 along the axis."""
        shape, dim = self.total.operand.type.shape, self.total.dim
        return (*shape[:dim], 1, *shape[dim + 1 :])


def find_online_sums(
    block: Block, levels: Mapping[Op, int], reduces: Callable[[Op], bool]
) -> list[OnlineSum]:
    """The sums of a block that can be taken in the loop of the maximum that they are relative to.

    ``levels`` says how many reductions along the axis lie before each op, ``reduces`` which ops are such reductions.
    """
    makers = made_by(block.ops)
    finder = _Finder(makers, levels, reduces)
    found = (finder.find(op) for op in block.ops if isinstance(op, Reduce) and reduces(op))
    return [one for one in found if one is not None]


@attrs.frozen
class _Finder:
    makers: Mapping[Value, Op]
    levels: Mapping[Op, int]
    reduces: Callable[[Op], bool]

    def find(self, total: Reduce) -> OnlineSum | None:
        """The sum as one relative to a maximum; None where it is none, or where something else is in the way."""
        if total.kind != "sum" or total.operand.type.dtype not in _WIDE:
            return None
        exponential = self._exponential(total.operand, total)
        difference = None if exponential is None else self._maker(exponential.args[0])
        if exponential is None or not isinstance(difference, Pointwise):
            return None
        if difference.operator != aten.sub.Tensor or difference.kwargs:
            return None
        minuend, subtrahend = difference.args
        maximum = self._maximum(minuend, subtrahend, total)
        if maximum is None:
            return None
        shift = self._row(subtrahend)
        found = OnlineSum(maximum, total, difference, exponential, shift)
        return found if shift.type.shape == found.kept() else None

    def _exponential(self, value: Any, total: Reduce) -> Pointwise | None:
        """The exponential that a value is, or is a multiple of; the other factors have to be known before it is."""
        op = self._maker(value)
        match op:
            case Mask():
                return self._exponential(op.operand, total)
            case Pointwise() if op.operator in _EXPONENTIALS:
                return op if self._is_alike(value, total) else None
            case Pointwise() if op.operator == aten.mul.Tensor:
                for factor, other in (op.args, op.args[::-1]):
                    if self._is_known(other, total) and self._is_alike(factor, total):
                        return self._exponential(factor, total)
                return None
            case _:
                return None

    def _maximum(self, minuend: Any, shift: Any, total: Reduce) -> Reduce | None:
        """The maximum of ``minuend`` that ``shift`` is made of."""
        if not (self._is_alike(minuend, total) and self._is_known(minuend, total)):
            return None
        if self._maker(shift) is None or shift.type.dtype != minuend.type.dtype:
            return None
        for op in sources_of([shift], self.makers):
            if isinstance(op, Reduce) and op.kind == "amax" and self.reduces(op):
                same = self._unmasked(op.operand) is self._unmasked(minuend)
                if same and op.dim == total.dim and self.levels[op] == self.levels[total] - 1:
                    return op
        return None

    def _is_alike(self, value: Any, total: Reduce) -> bool:
        """Whether a value has the lanes and the dtype of what is summed."""
        return self._maker(value) is not None and value.type == total.operand.type

    def _is_known(self, part: Any, total: Reduce) -> bool:
        """Whether a part of an op exists before the maximum is known."""
        op = self._maker(part)
        if op is None:
            return True
        before = self.levels[total] - 1
        return self.levels[op] < before or (self.levels[op] == before and not self.reduces(op))

    def _row(self, shift: Value) -> Value:
        """The shift before it was made as long as the axis."""
        op = self._maker(shift)
        return op.operand if isinstance(op, Broadcast) else shift

    def _unmasked(self, value: Value) -> Value:
        op = self._maker(value)
        return self._unmasked(op.operand) if isinstance(op, Mask) else value

    def _maker(self, part: Any) -> Op | None:
        """The op of the block that makes a value; None for numbers, and for what comes from outside."""
        return self.makers.get(part) if hasattr(part, "type") else None
