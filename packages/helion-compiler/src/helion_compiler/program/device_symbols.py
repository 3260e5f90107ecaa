"""Which numbers of a call the device may be told: the others are the host's alone, whatever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.fields import parameters, results, symbols

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sympy

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size


def device_symbols(program: Program) -> frozenset[sympy.Symbol]:
    """The symbols of sizes, strides and places of buffers, of loops, and of what ops compute with.

    Buffers that the device does not touch count as well: more than it is told, never less.
    """
    found: set[sympy.Symbol] = set()
    for op in program.walk():
        found |= symbols(op)
    for size in _sizes(program):
        for known in (size, program.resolve(size)):
            if not isinstance(known, int):
                found |= known.free_symbols
    return frozenset(found)


def _sizes(program: Program) -> Iterator[Size]:
    for buffer in program.buffers:
        yield from (*buffer.shape, *buffer.strides, buffer.offset)
    for axis in (*(axis for grid in program.grids for axis in grid.axes), *program.whole_axes()):
        yield from (axis.begin, axis.end, axis.step)
    for op in program.walk():
        for value in (*results(op), *parameters(op)):
            yield from value.type.shape
    yield from program.products
