"""What blocks read from outside of themselves: values, and symbols of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.fields import operands, symbols
from helion_compiler.program.program import defined, walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sympy

    from helion_compiler.program.ops import Block
    from helion_compiler.program.types import Value


def captured_values(block: Block, parameters: Iterable[Value]) -> tuple[Value, ...]:
    """The values that a block reads and neither defines nor takes, in order of first use."""
    own = defined(block) | set(parameters)
    read = [value for op in walk(block) for value in operands(op)]
    return tuple(value for value in dict.fromkeys((*read, *block.yields)) if value not in own)


def captured_symbols(block: Block) -> tuple[sympy.Symbol, ...]:
    """The symbols that the sizes and numbers of a block mention, by name."""
    found = {symbol for op in walk(block) for symbol in symbols(op)}
    return tuple(sorted(found, key=str))
