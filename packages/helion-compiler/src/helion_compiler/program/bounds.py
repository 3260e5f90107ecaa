"""What bounds of loops and conditions come to where numbers are given, for one case or for many at once.

In: a Program; a number, or an array of them, for each symbol and for each load that a bound depends on. Out: the bound,
as an array where one of these is. What a bound is computed by is followed through scalar operators of integers; lanes
are taken for one that stands for all, so that a maximum of lengths is a length.
"""

from __future__ import annotations

import math
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import sympy

from helion_compiler.program.fields import made_by
from helion_compiler.program.ops import Load, Number, Pointwise, Range, Reduce
from helion_compiler.program.sources import sources_of
from helion_compiler.program.types import ScalarIndex, Value, ValueIndex
from helion_compiler.program.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size, Subscript

    Numbers: TypeAlias = Mapping[sympy.Symbol, Any]
    """Integers, or arrays of as many of them."""
    Entries: TypeAlias = Mapping[Load, Any]
    """The same, of what is read from memory."""


class UnknownError(Exception):
    """A bound is computed by an operator that is not followed."""


class Bounds:
    """The bounds of one Program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._makers = made_by(program.walk())
        self._operands = {op.symbol: op.operand for op in program.walk() if isinstance(op, Number)}
        self._found: dict[Size | Value, tuple[Load, ...]] = {}

    def loads(self, bound: Size | Value) -> tuple[Load, ...]:
        """What a bound depends on of memory: by buffer, and in the order of entries where that is known, so that what
        begins an item comes before what ends it.
        """
        if bound not in self._found:
            self._found[bound] = self._loads(bound)
        return self._found[bound]

    def _loads(self, bound: Size | Value) -> tuple[Load, ...]:
        symbols = set() if isinstance(bound, Value | int) else bound.free_symbols
        values = [self._operands[one] for one in symbols & self._operands.keys()]
        behind = sources_of([bound] if isinstance(bound, Value) else values, self._makers)
        loads = [op for op in behind if isinstance(op, Load)]
        return tuple(sorted(loads, key=lambda load: (load.buffer.number, self._entry(load))))

    def entries(self, bound: Size | Value, apart: Any) -> Entries:
        """What a bound depends on of memory, where each entry is so much larger than the one before it."""
        return {load: apart * (place + 1) for place, load in enumerate(self.loads(bound))}

    def of(self, bound: Size | Value, numbers: Numbers, entries: Entries) -> Any:
        """What a bound comes to.

        Raises:
            UnknownError: it is computed in a way that is not followed.
        """
        if isinstance(bound, Value):
            return self._of_value(bound, numbers, entries)
        return self._of_size(sympy.sympify(self._program.resolve(bound)), numbers, entries)

    def _of_size(self, size: sympy.Basic, numbers: Numbers, entries: Entries) -> Any:
        if isinstance(size, sympy.Integer):
            return int(size)
        if isinstance(size, sympy.Symbol):
            if size in self._operands:
                return self._of_value(self._operands[size], numbers, entries)
            if size not in numbers:
                raise UnknownError
            return numbers[size]
        rule = _OF_SIZES.get(type(size).__name__)
        if rule is None:
            raise UnknownError
        return rule(*(self._of_size(one, numbers, entries) for one in size.args))

    def _of_value(self, value: Value, numbers: Numbers, entries: Entries) -> Any:
        op = self._makers.get(value)
        if isinstance(op, Load) and op in entries:
            return entries[op]
        if isinstance(op, Range) and op.axis.offset is not None:
            return self._of_size(op.axis.offset, numbers, entries)
        if isinstance(op, VIEWS) or (isinstance(op, Reduce) and op.kind in ("amax", "amin")):
            return self._of_value(op.operand, numbers, entries)
        if not isinstance(op, Pointwise) or op.kwargs:
            raise UnknownError
        rule = _OF_VALUES.get(op.operator.overloadpacket.__name__)
        if rule is None:
            raise UnknownError
        return rule(*(self._of_argument(one, numbers, entries) for one in op.args))

    def _of_argument(self, argument: Any, numbers: Numbers, entries: Entries) -> Any:
        if isinstance(argument, Value | sympy.Expr):
            return self.of(argument, numbers, entries)
        return argument

    def _entry(self, load: Load) -> float:
        """Which entry a load reads, from where tiles begin: the next is the end of an item."""
        try:
            return sum(map(self._place, load.subscripts))
        except UnknownError:
            return math.inf

    def _place(self, entry: Subscript) -> int:
        if not isinstance(entry, ScalarIndex | ValueIndex):
            return 0
        where = entry.position if isinstance(entry, ScalarIndex) else entry.value
        symbols = {axis.offset: 0 for axis in self._program.loop_axes() if axis.offset is not None}
        return int(self.of(where, {**self._program.symbol_hints, **symbols}, {}))


def _clamped(number: Any, low: Any = None, high: Any = None) -> Any:
    number = number if low is None else np.maximum(number, low)
    return number if high is None else np.minimum(number, high)


_OF_SIZES: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "Add": lambda *terms: sum(terms),
        "Mul": lambda *factors: math.prod(factors),
        "Min": lambda *sizes: reduce(np.minimum, sizes),
        "Max": lambda *sizes: reduce(np.maximum, sizes),
        "FloorDiv": lambda one, other: one // other,
        "CleanDiv": lambda one, other: one // other,
        "Mod": lambda one, other: one % other,
        "PythonMod": lambda one, other: one % other,
    }
)
"""Of sizes, by the name of a function."""

_OF_VALUES: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "minimum": np.minimum,
        "maximum": np.maximum,
        "clamp": _clamped,
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
        "eq": np.equal,
        "ne": np.not_equal,
        "logical_and": np.logical_and,
        "bitwise_and": np.bitwise_and,
        "logical_or": np.logical_or,
        "bitwise_or": np.bitwise_or,
        "logical_not": np.logical_not,
        "bitwise_not": np.invert,
        "convert_element_type": lambda number, _dtype: number,
    }
)
"""Of integers and truths, by the operator's name."""
