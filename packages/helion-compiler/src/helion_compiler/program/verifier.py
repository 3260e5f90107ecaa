"""Check that a Program is well formed. Every stage boundary is verified in tests, and by
``pipeline`` on request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.ops import (
    Block,
    Broadcast,
    Dot,
    Load,
    Loop,
    Mask,
    Op,
    Permute,
    Reduce,
    Squeeze,
    Store,
    Unsqueeze,
    operands,
    results,
)
from helion_compiler.program.types import Axis, ScalarIndex, Size, Subscript, TileSlice, Value

if TYPE_CHECKING:
    from helion_compiler.program.program import Program


class InvalidProgram(AssertionError):  # noqa: N818  # it is a finding about a program
    """A Program breaks a rule: a fault of the compiler, never of the author."""


def verify_program(program: Program) -> None:
    """Raise :class:`InvalidProgram` at the first rule that ``program`` breaks."""
    if len({buffer.number for buffer in program.buffers}) != len(program.buffers):
        raise InvalidProgram("two buffers have one number")
    numbers = {buffer.number for buffer in program.buffers}
    for buffer in program.buffers:
        _require(buffer.root in numbers, f"buffer {buffer.name} views an unknown buffer")
        _require(len(buffer.shape) == len(buffer.strides), f"buffer {buffer.name} has odd strides")
    _Verifier(set(program.buffers), set(program.grid.axes)).block(program.grid.body, frozenset())


def _require(condition: bool, problem: str) -> None:  # reads as an assertion
    if not condition:
        raise InvalidProgram(problem)


class _Verifier:
    def __init__(self, buffers: set[object], axes: set[Axis]) -> None:
        self._buffers = buffers
        self._axes = axes
        self._defined: set[Value] = set()

    def block(self, block: Block, outer: frozenset[Value]) -> frozenset[Value]:
        scope = outer
        for op in block.ops:
            for value in operands(op):
                _require(
                    value in scope, f"{type(op).__name__} reads {value.name} before it is defined"
                )
            self._types(op)
            if isinstance(op, Loop):
                self._loop(op, scope)
            for value in results(op):
                _require(value not in self._defined, f"{value.name} is defined twice")
                self._defined.add(value)
            scope |= frozenset(results(op))
        for value in block.yields:
            _require(value in scope, f"the block yields {value.name}, which it does not define")
        return scope

    def _loop(self, loop: Loop, scope: frozenset[Value]) -> None:
        for value in loop.parameters:
            _require(value not in self._defined, f"{value.name} is defined twice")
            self._defined.add(value)
        groups = (loop.initial, loop.parameters, loop.body.yields, loop.results)
        _require(
            len({len(group) for group in groups}) == 1, "a loop carries groups of unequal length"
        )
        for values in zip(*groups, strict=True):
            types = {value.type for value in values}
            _require(len(types) == 1, f"{values[0].name} changes its type in a loop: {types}")
        self._axes |= set(loop.axes)
        self.block(loop.body, scope | frozenset(loop.parameters))
        self._axes -= set(loop.axes)

    def _types(self, op: Op) -> None:  # one case per op: a table in the form of a match
        match op:
            case Load() | Store():
                value = op.value if isinstance(op, Store) else op.result
                _require(op.buffer in self._buffers, f"{op.name} uses an unknown buffer")
                _require(len(op.subscripts) == len(op.buffer.shape), f"{op.name} has a wrong rank")
                _require(
                    value.type.shape == self._sizes(op.subscripts), f"{op.name} has a wrong shape"
                )
                _require(value.type.dtype == op.buffer.dtype, f"{op.name} has a wrong dtype")
            case Reduce():
                _require(
                    0 <= op.dim < len(op.operand.type.shape), "a reduction has no such dimension"
                )
            case Dot():
                left, right = op.lhs.type.shape, op.rhs.type.shape
                _require(left[-1] == right[-2] and left[:-2] == right[:-2], "a dot does not fit")
                _require(op.result.type.shape == (*left[:-1], right[-1]), "a dot has a wrong shape")
            case Permute():
                shape = op.operand.type.shape
                permuted = tuple(shape[dim] for dim in op.order)
                _require(op.result.type.shape == permuted, "a permutation has a wrong shape")
            case Unsqueeze():
                _require(op.result.type.shape[op.dim] == 1, "an inserted dimension is not 1")
            case Squeeze():
                _require(op.operand.type.shape[op.dim] == 1, "a removed dimension is not 1")
            case Broadcast():
                pairs = zip(op.operand.type.shape, op.result.type.shape, strict=True)
                _require(all(a in (1, b) for a, b in pairs), "a broadcast does not fit")
            case Mask():
                _require(
                    op.operand.type.shape[op.dim] == op.axis.size, "a mask is on a wrong dimension"
                )
                _require(op.operand.type == op.result.type, "a mask changes a type")
            case _:
                pass

    def _sizes(self, subscripts: tuple[Subscript, ...]) -> tuple[Size, ...]:
        sizes: list[Size] = []
        for subscript in subscripts:
            if isinstance(subscript, ScalarIndex):
                continue
            if isinstance(subscript, TileSlice):
                _require(
                    subscript.axis in self._axes, f"{subscript.axis.name} is used outside its loop"
                )
            sizes.append(1 if subscript.axis is None else subscript.axis.size)
        return tuple(sizes)
