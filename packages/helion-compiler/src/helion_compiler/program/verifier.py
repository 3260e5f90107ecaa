"""Check that a Program is well formed. Every stage boundary is verified in tests, and by
``pipeline`` on request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.access import accessed_shape
from helion_compiler.program.fields import blocks, operands, parameters, results, symbols
from helion_compiler.program.lane_ops import Cut, Join, Random, Renew, Split
from helion_compiler.program.ops import (
    Atomic,
    Block,
    Broadcast,
    Dot,
    Fold,
    If,
    Load,
    Loop,
    Mask,
    Number,
    Op,
    Part,
    Permute,
    Pick,
    Reduce,
    Sort,
    Squeeze,
    Store,
    Unsqueeze,
    While,
)
from helion_compiler.program.types import Axis, Subscript, TileSlice, TileType, Value

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
    for grid in program.grids:
        _Verifier(program, set(grid.axes)).block(grid.body, frozenset())


def _require(condition: bool, problem: str) -> None:  # reads as an assertion
    if not condition:
        raise InvalidProgram(problem)


class _Verifier:
    def __init__(self, program: Program, axes: set[Axis]) -> None:
        self._buffers = set(program.buffers)
        self._axes = axes
        self._defined: set[Value] = set()
        self._numbers = {op.symbol for op in program.walk() if isinstance(op, Number)}

    def block(self, block: Block, outer: frozenset[object]) -> frozenset[object]:
        """Check a block, given the values and numbers that it may read; returns what it defines besides."""
        scope = outer
        for op in block.ops:
            numbers = symbols(op) & self._numbers if self._numbers else ()
            for read in (*operands(op), *numbers):
                if read not in scope and not (isinstance(op, Number) and read == op.symbol):
                    raise InvalidProgram(f"{type(op).__name__} reads {read} before it is defined")
            self._types(op)
            self._blocks(op, scope)
            for value in results(op):
                self._define(value)
            scope |= frozenset(results(op))
            if isinstance(op, Number):
                scope |= {op.symbol}
        for value in block.yields:
            _require(value in scope, f"the block yields {value.name}, which it does not define")
        return scope

    def _define(self, value: Value) -> None:
        _require(value not in self._defined, f"{value.name} is defined twice")
        self._defined.add(value)

    def _blocks(self, op: Op, scope: frozenset[object]) -> None:
        for value in parameters(op):
            self._define(value)
        match op:
            case Loop():
                self._carries(op.initial, op.parameters, op.body.yields, op.results)
            case While():
                self._carries(op.initial, op.parameters, op.body.yields, op.results)
            case If():
                self._carries(op.then.yields, op.otherwise.yields, op.results)
            case Fold():
                self._folds(op)
            case _:
                pass
        axes = _entered(op)
        self._axes |= axes
        for block in blocks(op):
            self.block(block, scope | frozenset(parameters(op)))
        self._axes -= axes

    @staticmethod
    def _carries(*groups: tuple[Value, ...]) -> None:
        _require(len({len(group) for group in groups}) == 1, "groups of unequal length are carried")
        for values in zip(*groups, strict=True):
            types = {value.type for value in values}
            _require(len(types) == 1, f"{values[0].name} changes its type: {types}")

    def _folds(self, op: Fold) -> None:
        scalars = [TileType(value.type.dtype, ()) for value in op.operands]
        taken = [value.type for value in op.parameters]
        _require(taken == [*scalars, *scalars], "a fold combines other types than it folds")
        _require([v.type for v in op.combine.yields] == scalars, "a fold changes a type")
        _require(len(op.empty) in (0, len(scalars)), "a fold of nothing gives too few values")
        for operand, result in zip(op.operands, op.results, strict=True):
            shape = operand.type.shape
            expected = shape if op.scan else (*shape[: op.dim], *shape[op.dim + 1 :])
            _require(
                result.type == TileType(operand.type.dtype, expected), "a fold has a wrong type"
            )

    def _types(self, op: Op) -> None:  # one case per op: a table in the form of a match
        match op:
            case Load() | Store() | Atomic():
                value = op.result if isinstance(op, Load) else op.value
                self._inside_loops(op.subscripts)
                _require(op.buffer in self._buffers, f"{op.name} uses an unknown buffer")
                _require(len(op.subscripts) == len(op.buffer.shape), f"{op.name} has a wrong rank")
                shape = accessed_shape(op.subscripts, op.addresses)
                _require(value.type.shape == shape, f"{op.name} has a wrong shape")
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
            case Pick():
                _require(op.index.type.shape == op.result.type.shape, "a pick has a wrong shape")
            case Sort() | Renew():
                _require(op.result.type == op.operand.type, "an op of one type changes it")
            case Join() | Split() | Random() | Cut():
                _check_lanes(op)
            case Mask():
                shape = op.operand.type.shape
                _require(op.operand.type == op.result.type, "a mask changes a type")
                _require(0 <= op.dim < len(shape) and shape[op.dim] != 1, "a mask has no padding")
            case _:
                pass

    def _inside_loops(self, subscripts: tuple[Subscript, ...]) -> None:
        for entry in subscripts:
            if isinstance(entry, TileSlice):
                name = entry.axis.name
                _require(entry.axis in self._axes, f"{name} is used outside its loop")


def _entered(op: Op) -> set[Axis]:
    """The axes that the blocks of an op are inside of, beside those that the op is."""
    match op:
        case Loop():
            return set(op.axes)
        case Part():
            return {op.axis}
        case _:
            return set()


def _check_lanes(op: Join | Split | Random | Cut) -> None:
    match op:
        case Join():
            both = (op.first.type, TileType(op.result.type.dtype, op.result.type.shape[:-1]))
            _require(op.second.type in both and both[0] == both[1], "a join does not fit")
            _require(op.result.type.shape[-1] == 2, "a join is not of two")
        case Split():
            _require(op.operand.type.shape[-1:] == (2,), "a split is not of two")
        case Random():
            _require(
                all(v.type.shape == op.offsets.type.shape for v in op.results),
                "random numbers have a wrong shape",
            )
        case Cut():
            (part, *_), parts = {v.type for v in op.results}, len(op.results)
            shape = list(op.operand.type.shape)
            shape[op.dim] = part.shape[op.dim]
            expected = TileType(op.operand.type.dtype, tuple(shape))
            _require(parts & (parts - 1) == 0, "a cut makes parts of unequal lanes")
            _require(all(v.type == expected for v in op.results), "a cut has a wrong type")
