"""What compiling will assume of sizes beyond what the trace did, taken from the example: one guard per assumption.

With dynamic shapes a Program serves many sizes, but its binary is built for one class of them: sizes
that are multiples of 16 or not, numbers below 2**31 or not, rows that a block of one power of two
holds. A call of another class needs a Program of its own, which these guards see to. Nothing is assumed of numbers
that stay on the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.device_symbols import device_symbols
from helion_compiler.program.expressions import to_runtime

if TYPE_CHECKING:
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size
    from helion_runtime.entries import Expression

_DIVISOR = 16
_INT32 = 1 << 31


def assumptions(program: Program) -> tuple[Expression, ...]:
    """The guards of the class that the example of ``program`` belongs to; none with static shapes."""
    guards: list[Expression] = []
    told = device_symbols(program)
    for symbol, source in program.symbols.items():
        if program.is_read(symbol) or not symbol.is_integer or symbol not in told:
            continue
        divisible = program.symbol_hints[symbol] % _DIVISOR == 0
        guards.append(["eq" if divisible else "ne", ["mod", source, _DIVISOR], 0])
        guards += _below(program, symbol, _INT32)
    for buffer in program.buffers:
        span: Size = 0
        for extent, stride in zip(buffer.shape, buffer.strides, strict=True):
            span = span + extent * stride
        guards += _below(program, span, _INT32)
    for axis in program.whole_axes():
        lanes = program.padded(axis.extent)
        guards += _below(program, axis.extent, lanes + 1)
        guards += _below(program, axis.extent, lanes // 2 + 1)
    return tuple(guards)


def _below(program: Program, size: Size, limit: int) -> list[Expression]:
    """Whether ``size`` is below ``limit``, as it is for the example; nothing for a size that is a number."""
    size = program.resolve(size)
    if (
        isinstance(size, int)
        or not size.free_symbols
        or not size.free_symbols <= program.symbols.keys()
    ):
        return []
    runtime = to_runtime(size, program.symbols)
    below = program.example(size) < limit
    return [["lt", runtime, limit] if below else ["le", limit, runtime]]
