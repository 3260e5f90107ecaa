"""Fill a config's block sizes into what the host does: allocations may be as large as a tile, or count tiles.

The trace writes ``["block", symbol]`` where the host uses a block size as a number; the runtime has no such
expression, since a variant is built for one config.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.record import Record, values_of

if TYPE_CHECKING:
    from helion_compiler.scheduling import Schedule


def with_block_sizes(part: Any, schedule: Schedule) -> Any:
    """A step, an output or an expression with the numbers of ``schedule`` for block sizes."""
    numbers = {str(symbol): lanes for symbol, lanes in schedule.block_sizes.items()}
    return _filled(part, numbers)


def mentions_block_sizes(part: Any) -> bool:
    """Whether a step, an output or an expression computes with a block size."""
    if isinstance(part, list | tuple):
        is_one = len(part) == 2 and part[0] == "block" and isinstance(part[1], str)
        return is_one or any(map(mentions_block_sizes, part))
    return isinstance(part, Record) and any(map(mentions_block_sizes, values_of(part)))


def _filled(part: Any, numbers: dict[str, int]) -> Any:
    if isinstance(part, list | tuple):
        if len(part) == 2 and part[0] == "block" and part[1] in numbers:
            return numbers[part[1]]
        filled = [_filled(item, numbers) for item in part]
        return filled if isinstance(part, list) else type(part)(filled)
    if isinstance(part, Record):
        return type(part)(*(_filled(value, numbers) for value in values_of(part)))
    return part
