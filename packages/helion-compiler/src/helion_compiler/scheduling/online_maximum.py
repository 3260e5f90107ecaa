"""A maximum and the sums of exponentials relative to it, as carried values of one loop.

Every group of neighbouring lanes, as many as one thread reads at once, has a maximum and sums of its own: nothing
crosses threads inside the loop, and a group shares each rescaling. Groups are brought together after the loop.

Exponentials are taken relative to the maximum kept finite (``at``): a group that has seen only -inf adds
exp(-inf) = 0, as it should. What the kernel itself subtracts, the maximum or something made of it, comes in once at
the end by ``exp(at - shift)``, so that infinities and NaN of a row come out as they would have in two loops.

Inside the loop ``exp(x - at)`` is ``exp2((x - at) * log2(e))``, one instruction of GPUs and a multiplication. Its
error grows with the exponent, to 1e-6 of a term that is e**-10 of the largest: less than the order of a sum matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.program.ops import (
    Broadcast,
    Full,
    Op,
    Pointwise,
    Reshape,
    Squeeze,
    Unsqueeze,
)
from helion_compiler.program.types import BlockSize, Size, TileType, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.scheduling.online_sums import OnlineSum
    from helion_compiler.scheduling.retile import Retiler

aten: Any = torch.ops.aten


@attrs.frozen
class Groups:
    """The lanes of a step as ``count`` groups of ``members`` neighbouring lanes, along dimension ``dim``."""

    lanes: Size
    count: BlockSize
    members: BlockSize
    dim: int

    def shape(self, shape: tuple[Size, ...], *sizes: Size) -> tuple[Size, ...]:
        """A shape with other sizes in place of the dimension of lanes, or of groups."""
        return (*shape[: self.dim], *sizes, *shape[self.dim + 1 :])

    def split(self, value: Value, body: list[Op]) -> Value:
        """A value of lanes, with groups and their members as two dimensions."""
        parts = self.shape(value.type.shape, self.count.symbol, self.members.symbol)
        result = Value(f"{value.name}_groups", TileType(value.type.dtype, parts))
        body.append(Reshape(result=result, operand=value))
        return result

    def spread(self, value: Value, body: list[Op]) -> Value:
        """A value of groups, as one of lanes."""
        kind, shape = value.type.dtype, value.type.shape
        one = Value(value.name, TileType(kind, self.shape(shape, self.count.symbol, 1)))
        each = Value(
            value.name, TileType(kind, self.shape(shape, self.count.symbol, self.members.symbol))
        )
        lanes = Value(value.name, TileType(kind, self.shape(shape, self.lanes)))
        body += [
            Unsqueeze(result=one, operand=value, dim=self.dim + 1),
            Broadcast(result=each, operand=one),
            Reshape(result=lanes, operand=each),
        ]
        return lanes


class OnlineMaximum:
    """What :class:`~helion_compiler.scheduling.accumulate.Accumulator` is for one reduction, for a maximum and its
    sums: what is filled before the loop, what a step does, and what comes after.

    A step has two parts: :meth:`grow`, once the operand of the maximum exists, and :meth:`add`, once those of the sums
    do. The sums proper are made by :meth:`finish`, once the shifts exist, too.
    """

    def __init__(self, sums: Sequence[OnlineSum], groups: Groups) -> None:
        self.maximum = op = sums[0].maximum
        self.sums = tuple(sums)
        self._groups = groups
        shape = groups.shape(op.operand.type.shape, groups.count.symbol)
        self._type = TileType(op.operand.type.dtype, shape)
        names = ("largest", *(f"{one.total.result.name}_lanes" for one in sums))
        self.initial, self.parameters, self.following, self.results = (
            tuple(self._value(name) for name in names) for _ in range(4)
        )
        fills = (float("-inf"), *(0.0 for _ in sums))
        self.fill: list[Op] = [
            Full(result=value, fill=fill, location=op.location)
            for value, fill in zip(self.initial, fills, strict=True)
        ]
        self._now: Value
        self._spread: Value

    def grow(self, clone: Retiler) -> list[Op]:
        """Let the maxima grow; what is copied from now on subtracts them in place of the shifts."""
        op, body = self.maximum, list[Op]()
        step, at = self._value("step"), self._value("at")
        members = self._groups.split(clone.value(op.operand), body)
        body += [
            attrs.evolve(op, operand=members, dim=op.dim + 1, keepdim=False, result=step),
            _pointwise(self.following[0], aten.maximum.default, self.parameters[0], step),
            _finite(at, self.following[0]),
        ]
        self._now, self._spread = at, self._groups.spread(at, body)
        return body

    def exponential(self, one: OnlineSum, clone: Retiler) -> list[Op]:
        """In place of a sum's exponential, and of the difference that it is of."""
        result = clone.copy(one.exponential.result, one.exponential.result.name)
        return _power(one, result, clone.value(one.minuend), self._spread)

    def add(self, clone: Retiler) -> list[Op]:
        """Rescale the sums and add a step's."""
        body: list[Op] = []
        for one, old, new in zip(self.sums, self.parameters[1:], self.following[1:], strict=True):
            op = one.total
            step = self._value("step")
            members = self._groups.split(clone.value(op.operand), body)
            rescaled = _rescaled(one, old, self.parameters[0], self._now, body)
            body += [
                attrs.evolve(op, operand=members, dim=op.dim + 1, keepdim=False, result=step),
                _pointwise(new, aten.add.Tensor, rescaled, step),
            ]
        return body

    @property
    def after(self) -> list[Op]:
        """The maximum proper."""
        return [attrs.evolve(self.maximum, operand=self.results[0])]

    def finish(self, one: OnlineSum) -> list[Op]:
        """One of the sums proper, relative to its own shift."""
        op, ops = one.total, list[Op]()
        row = TileType(self._type.dtype, one.kept())
        largest, at, total = (Value(name, row) for name in ("largest", "at", "total"))
        if self.maximum.keepdim:
            largest = self.maximum.result
        else:
            ops.append(Unsqueeze(result=largest, operand=self.maximum.result, dim=op.dim))
        ops.append(_finite(at, largest))
        lanes = self.results[1 + self.sums.index(one)]
        together = _rescaled(one, lanes, self.results[0], at, ops)
        ops.append(attrs.evolve(op, operand=together, keepdim=True, result=total))
        result = op.result if op.keepdim else None
        shifted = _rescaled(one, total, at, one.shift, ops, result)
        if not op.keepdim:
            ops.append(Squeeze(result=op.result, operand=shifted, dim=op.dim))
        return ops

    def _value(self, name: str) -> Value:
        return Value(name, self._type)


def _rescaled(
    one: OnlineSum,
    total: Value,
    before: Value,
    now: Value,
    ops: list[Op],
    result: Value | None = None,
) -> Value:
    """A sum relative to ``before``, made relative to ``now``."""
    factor, result = Value("factor", total.type), result or Value("rescaled", total.type)
    ops += _power(one, factor, before, now)
    ops.append(_pointwise(result, aten.mul.Tensor, total, factor))
    return result


def _power(one: OnlineSum, result: Value, value: Value, base: Value) -> list[Op]:
    """The exponential of ``value - base``, as a power of two."""
    difference, exponent = (Value(name, result.type) for name in ("difference", "exponent"))
    ops = [_pointwise(difference, aten.sub.Tensor, value, base)]
    if one.scale == 1.0:
        exponent = difference
    else:
        ops.append(_pointwise(exponent, aten.mul.Tensor, difference, one.scale))
    return [*ops, _pointwise(result, aten.exp2.default, exponent)]


def _finite(result: Value, operand: Value) -> Op:
    """The nearest finite number; NaN stays."""
    largest = torch.finfo(result.type.dtype).max
    return _pointwise(result, aten.clamp.default, operand, -largest, largest)


def _pointwise(result: Value, operator: Any, *args: Any) -> Op:
    return Pointwise(result=result, operator=operator, args=args, kwargs={})
