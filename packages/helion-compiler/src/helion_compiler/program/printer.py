"""A Program as text: for people, dumps and golden tests. Stable: names are numbered in order of definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def print_program(program: Program) -> str:
    """The whole Program, one op a line."""
    return _Printer().program(program)


class _Printer:
    def __init__(self) -> None:
        self._names: dict[Value, str] = {}
        self._used: dict[str, int] = {}

    def program(self, program: Program) -> str:
        lines = [f"program {program.name}({', '.join(program.arguments)})"]
        for buffer in program.buffers:
            shape = ", ".join(map(str, buffer.shape))
            strides = ", ".join(map(str, buffer.strides))
            dtype = str(buffer.dtype).removeprefix("torch.")
            origin = (
                ""
                if buffer.root == buffer.number
                else f" = view of {buffer.root} at {buffer.offset}"
            )
            lines.append(
                f"  buffer {buffer.number} {buffer.name}: {dtype}[{shape}] strides [{strides}]{origin}"
            )
        lines += [f"  guard {condition}" for condition in program.guard]
        lines += [f"  assume {condition}" for condition in program.assumptions]
        lines.append(f"  grid {', '.join(map(axis_text, program.grid.axes))}:")
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
                return [f"{indent}{op.name} {_subscripts(op.subscripts)} = {self._use(op.value)}"]
            case _:
                text = self._expression(op)
                return [f"{indent}{self._define(op.result)}: {op.result.type} = {text}"]

    def _loop(self, op: Loop, indent: str) -> list[str]:
        initial = self._list(op.initial)
        parameters = ", ".join(self._define(value) for value in op.parameters)
        head = f"{indent}loop {', '.join(map(axis_text, op.axes))} ({parameters}) = ({initial}):"
        body = self._block(op.body, indent + "  ")
        tail = [f"{indent}-> {', '.join(self._define(value) for value in op.results)}"]
        return [head, *body, *(tail if op.results else [])]

    def _expression(self, op: Op) -> str:
        match op:
            case Load():
                return f"{op.name} {_subscripts(op.subscripts)}"
            case Full():
                return f"full {op.fill}"
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
        return str(argument)

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


def axis_text(axis: Axis) -> str:
    """``tile_m[b0] in 0..512``."""
    block = "" if axis.block is None else f"[{axis.block.symbol}]"
    offset = "" if axis.offset is None else f" from {axis.offset}"
    return f"{axis.name}{block} in {axis.begin}..{axis.end}{offset}"


def _subscripts(subscripts: tuple[Subscript, ...]) -> str:
    return "[" + ", ".join(map(_subscript, subscripts)) + "]"


def _subscript(subscript: Subscript) -> str:
    match subscript:
        case TileSlice():
            return subscript.axis.name + ("" if subscript.shift == 0 else f" + {subscript.shift}")
        case WholeSlice():
            return ":" if subscript.axis is None else f":{subscript.axis.name}"
        case ScalarIndex():
            return str(subscript.position)
