"""A Program as text: for people, dumps and golden tests. Stable: names are numbered in order of definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from helion_compiler.program.ops import (
    Block,
    Broadcast,
    Dot,
    Full,
    Load,
    Loop,
    Mask,
    Op,
    Permute,
    Pointwise,
    Range,
    Reduce,
    Squeeze,
    Store,
    Unsqueeze,
)
from helion_compiler.program.types import Axis, ScalarIndex, Subscript, TileSlice, Value, WholeSlice

if TYPE_CHECKING:
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size


def print_program(program: Program) -> str:
    """The whole Program, one op a line. Symbols go by names of ours: torch's differ between versions."""
    return _Printer(_stable_symbols(program)).program(program)


def _stable_symbols(program: Program) -> dict[sympy.Basic, sympy.Symbol]:
    """Host symbols as s0, s1, …, lanes as b0, b1, …, where tiles begin as o0, o1, …"""
    axes = (*program.grid.axes, *(axis for loop in program.loops() for axis in loop.axes))
    families = {
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
        lines.append(f"  grid {', '.join(map(self._axis, program.grid.axes))}:")
        lines += self._block(program.grid.body, "    ")
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
        match op:
            case Loop():
                return self._loop(op, indent)
            case Store():
                return [
                    f"{indent}{op.name} {self._subscripts(op.subscripts)} = {self._use(op.value)}"
                ]
            case _:
                text = self._expression(op)
                return [f"{indent}{self._define(op.result)}: {self._type(op.result)} = {text}"]

    def _loop(self, op: Loop, indent: str) -> list[str]:
        initial = self._list(op.initial)
        parameters = ", ".join(self._define(value) for value in op.parameters)
        head = f"{indent}loop {', '.join(map(self._axis, op.axes))} ({parameters}) = ({initial}):"
        body = self._block(op.body, indent + "  ")
        tail = [f"{indent}-> {', '.join(self._define(value) for value in op.results)}"]
        return [head, *body, *(tail if op.results else [])]

    def _expression(self, op: Op) -> str:
        match op:
            case Load():
                return f"{op.name} {self._subscripts(op.subscripts)}"
            case Full():
                return f"full {self._argument(op.fill)}"
            case Range():
                return f"range {op.axis.name}"
            case Pointwise():
                arguments = [self._argument(argument) for argument in op.args]
                arguments += [
                    f"{name}={self._argument(value)}" for name, value in op.kwargs.items()
                ]
                return f"{op.operator}({', '.join(arguments)})"
            case Reduce():
                return f"reduce {op.kind} {self._use(op.operand)} dim={op.dim} keepdim={op.keepdim}"
            case Dot():
                start = "" if op.accumulator is None else f" + {self._use(op.accumulator)}"
                return f"dot {self._use(op.lhs)} @ {self._use(op.rhs)}{start}"
            case Permute() | Unsqueeze() | Squeeze() | Broadcast():
                return f"{type(op).__name__.lower()} {self._use(op.operand)}{_arrangement(op)}"
            case Mask():
                return (
                    f"mask {self._use(op.operand)} dim={op.dim} beyond {op.axis.name} to {op.fill}"
                )
        raise AssertionError(f"no text for {type(op).__name__}")

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
                return ":" if subscript.axis is None else f":{subscript.axis.name}"
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


def _arrangement(op: Permute | Unsqueeze | Squeeze | Broadcast) -> str:
    """How an op arranges the dimensions of its operand; a broadcast's type says it all."""
    match op:
        case Permute():
            return f" {list(op.order)}"
        case Unsqueeze() | Squeeze():
            return f" dim={op.dim}"
        case Broadcast():
            return ""
