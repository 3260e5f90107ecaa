"""A Program as text: for people, dumps and golden tests. Stable: names are numbered in order of definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sympy

from helion_compiler.program.fields import blocks, parameters, results
from helion_compiler.program.ops import (
    Atomic,
    Block,
    Broadcast,
    Dot,
    Fold,
    Full,
    If,
    Load,
    Loop,
    Mask,
    Number,
    Op,
    Part,
    Permute,
    Pick,
    Pointwise,
    Range,
    Reduce,
    Reshape,
    Squeeze,
    Store,
    Unsqueeze,
    While,
)
from helion_compiler.program.types import (
    Axis,
    ScalarIndex,
    Subscript,
    TileSlice,
    Value,
    ValueIndex,
    WholeSlice,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size


def print_program(program: Program) -> str:
    """The whole Program, one op a line. Symbols go by names of ours: torch's differ between versions."""
    return _Printer(_stable_symbols(program)).program(program)


def _stable_symbols(program: Program) -> dict[sympy.Basic, sympy.Symbol]:
    """Host symbols as s0, s1, …, lanes as b0, b1, …, where tiles begin as o0, o1, …"""
    axes = [*program.loop_axes()]
    axes += [op.axis for op in program.walk() if isinstance(op, Part)]
    families = {
        "u": [op.symbol for op in program.walk() if isinstance(op, Number)],
        "s": list(program.symbols),
        "b": [block.symbol for block in program.blocks],
        "o": [axis.offset for axis in axes if axis.offset is not None],
    }
    return {
        symbol: sympy.Symbol(f"{family}{number}", integer=True)
        for family, symbols in families.items()
        for number, symbol in enumerate(symbols)
    }


class _Printer:
    def __init__(self, symbols: dict[sympy.Basic, sympy.Symbol]) -> None:
        self._symbols = symbols
        self._names: dict[Value, str] = {}
        self._used: dict[str, int] = {}

    def program(self, program: Program) -> str:
        lines = [f"program {program.name}({', '.join(program.arguments)})"]
        for buffer in program.buffers:
            shape = ", ".join(map(self._size, buffer.shape))
            strides = ", ".join(map(self._size, buffer.strides))
            dtype = str(buffer.dtype).removeprefix("torch.")
            origin = (
                ""
                if buffer.root == buffer.number
                else f" = view of {buffer.root} at {self._size(buffer.offset)}"
            )
            lines.append(
                f"  buffer {buffer.number} {buffer.name}: {dtype}[{shape}] strides [{strides}]{origin}"
            )
        lines += [f"  guard {condition}" for condition in program.guard]
        lines += [f"  assume {condition}" for condition in program.assumptions]
        for grid in program.grids:
            lines += ["  barrier"] if grid.after_barrier else []
            lines.append(f"  grid {', '.join(map(self._axis, grid.axes))}:")
            lines += self._block(grid.body, "    ")
        lines.append(f"  return {program.outputs}")
        return "\n".join(lines) + "\n"

    def _block(self, block: Block, indent: str) -> list[str]:
        lines: list[str] = []
        for op in block.ops:
            lines += self._op(op, indent)
        if block.yields:
            lines.append(f"{indent}yield {self._list(block.yields)}")
        return lines

    def _op(self, op: Op, indent: str) -> list[str]:
        if blocks(op):
            return self._nested(op, indent)
        text = self._expression(op)
        defined = ", ".join(f"{self._define(v)}: {self._type(v)}" for v in results(op))
        return [f"{indent}{defined} = {text}" if defined else indent + text]

    def _nested(self, op: Op, indent: str) -> list[str]:
        inside = ", ".join(self._define(value) for value in parameters(op))
        lines = [f"{indent}{self._head(op, inside)}:"]
        for number, block in enumerate(blocks(op)):
            lines += [f"{indent}else:" if isinstance(op, If) else f"{indent}do:"] if number else []
            lines += self._block(block, indent + "  ")
        tail = f"{indent}-> {', '.join(self._define(value) for value in results(op))}"
        return [*lines, *([tail] if results(op) else [])]

    def _head(self, op: Op, inside: str) -> str:
        match op:
            case Loop():
                axes = ", ".join(map(self._axis, op.axes))
                return f"loop {axes} ({inside}) = ({self._list(op.initial)})"
            case While():
                return f"while ({inside}) = ({self._list(op.initial)})"
            case If():
                return f"if {self._use(op.condition)}"
            case Part():
                return f"part {self._axis(op.axis)}"
            case Fold():
                kind = ("suffixes" if op.reverse else "prefixes") if op.scan else "fold"
                return f"{kind} {self._list(op.operands)} dim={op.dim} by ({inside})"
        raise AssertionError(f"no head for {type(op).__name__}")

    def _expression(self, op: Op) -> str:
        text = _EXPRESSIONS.get(type(op))
        return self._plain(op) if text is None else text(self, op)

    def load(self, op: Load) -> str:
        return f"{op.name} {self._subscripts(op.subscripts)}{self._masked(op)}{self._stacked(op)}"

    def store(self, op: Store) -> str:
        return f"{self.load(op)} = {self._use(op.value)}"  # type: ignore[arg-type]  # the same fields name the place

    def atomic(self, op: Atomic) -> str:
        expected = "" if op.expected is None else f" if {self._use(op.expected)}"
        place = f"{op.name} {self._subscripts(op.subscripts)}"
        return f"{place} {op.kind} {self._use(op.value)}{expected} {op.order}"

    def full(self, op: Full) -> str:
        return f"full {self._argument(op.fill)}"

    def range(self, op: Range) -> str:
        return f"range {op.axis.name}"

    def number(self, op: Number) -> str:
        return f"number {self._size(op.symbol)} = {self._use(op.operand)}"

    def pointwise(self, op: Pointwise) -> str:
        arguments = [self._argument(argument) for argument in op.args]
        arguments += [f"{name}={self._argument(value)}" for name, value in op.kwargs.items()]
        return f"{op.operator}({', '.join(arguments)})"

    def reduce(self, op: Reduce) -> str:
        return f"reduce {op.kind} {self._use(op.operand)} dim={op.dim} keepdim={op.keepdim}"

    def dot(self, op: Dot) -> str:
        start = "" if op.accumulator is None else f" + {self._use(op.accumulator)}"
        return f"dot {self._use(op.lhs)} @ {self._use(op.rhs)}{start}"

    def arranged(self, op: Permute | Unsqueeze | Squeeze | Broadcast | Reshape) -> str:
        return f"{type(op).__name__.lower()} {self._use(op.operand)}{_arrangement(op)}"

    def pick(self, op: Pick) -> str:
        return f"pick {self._use(op.operand)} [{self._use(op.index)}] dim={op.dim}"

    def mask(self, op: Mask) -> str:
        return f"mask {self._use(op.operand)} dim={op.dim} to {op.fill}"

    def _plain(self, op: Op) -> str:
        """Any op: its name and what its fields hold."""
        fields = [(field.name, getattr(op, field.name)) for field in attrs.fields(type(op))]
        shown = [
            f"{name}={self._argument(value)}"
            for name, value in fields
            if name not in ("result", "results", "location")
        ]
        return " ".join((type(op).__name__.lower(), *shown))

    def _stacked(self, op: Load | Store) -> str:
        return "" if op.addresses is None else f" at {self._use(op.addresses)}"

    def _masked(self, op: Load | Store) -> str:
        return "" if op.extra_mask is None else f" where {self._use(op.extra_mask)}"

    def _argument(self, argument: Any) -> str:
        if isinstance(argument, Value):
            return self._use(argument)
        if isinstance(argument, tuple):
            return f"[{', '.join(map(self._argument, argument))}]"
        return self._size(argument) if hasattr(argument, "xreplace") else str(argument)

    def _size(self, size: Size) -> str:
        return str(size if isinstance(size, int) else size.xreplace(self._symbols))

    def _type(self, value: Value) -> str:
        dtype = str(value.type.dtype).removeprefix("torch.")
        return f"{dtype}[{', '.join(map(self._size, value.type.shape))}]"

    def _axis(self, axis: Axis) -> str:
        block = "" if axis.block is None else f"[{self._size(axis.block.symbol)}]"
        offset = "" if axis.offset is None else f" from {self._size(axis.offset)}"
        return f"{axis.name}{block} in {self._size(axis.begin)}..{self._size(axis.end)}{offset}"

    def _subscripts(self, subscripts: tuple[Subscript, ...]) -> str:
        return "[" + ", ".join(map(self._subscript, subscripts)) + "]"

    def _subscript(self, subscript: Subscript) -> str:
        match subscript:
            case TileSlice():
                shift = "" if subscript.shift == 0 else f" + {self._size(subscript.shift)}"
                return subscript.axis.name + shift
            case WholeSlice():
                moved = (subscript.begin, subscript.step) != (0, 1)
                begin = (
                    f"{self._size(subscript.begin)}::{self._size(subscript.step)}" if moved else ""
                )
                return f"{begin}:" if subscript.axis is None else f"{begin}:{subscript.axis.name}"
            case ValueIndex():
                return self._use(subscript.value)
            case ScalarIndex():
                return self._size(subscript.position)

    def _define(self, value: Value) -> str:
        base = value.name.replace("@", "_")
        count = self._used[base] = self._used.get(base, -1) + 1
        self._names[value] = f"%{base}" if count == 0 else f"%{base}_{count}"
        return self._names[value]

    def _use(self, value: Value) -> str:
        return self._names.get(value, f"%undefined({value.name})")

    def _list(self, values: tuple[Value, ...]) -> str:
        return ", ".join(map(self._use, values))


def _arrangement(op: Permute | Unsqueeze | Squeeze | Broadcast | Reshape) -> str:
    """How an op arranges the dimensions of its operand; a broadcast's type says it all."""
    match op:
        case Permute():
            return f" {list(op.order)}"
        case Unsqueeze() | Squeeze():
            return f" dim={op.dim}"
        case Broadcast() | Reshape():
            return ""


_EXPRESSIONS: dict[type, Callable[[_Printer, Any], str]] = {
    Load: _Printer.load,
    Store: _Printer.store,
    Atomic: _Printer.atomic,
    Full: _Printer.full,
    Range: _Printer.range,
    Number: _Printer.number,
    Pointwise: _Printer.pointwise,
    Reduce: _Printer.reduce,
    Dot: _Printer.dot,
    Permute: _Printer.arranged,
    Unsqueeze: _Printer.arranged,
    Squeeze: _Printer.arranged,
    Broadcast: _Printer.arranged,
    Reshape: _Printer.arranged,
    Pick: _Printer.pick,
    Mask: _Printer.mask,
}
"""What reads better than an op's name and fields."""
