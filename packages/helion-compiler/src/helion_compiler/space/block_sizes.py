"""The block sizes of a Program: what a search tries, and what an author may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_autotune import PowerOfTwo
from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.program.ops import Dot
from helion_compiler.scheduling.least_lanes import least_lanes
from helion_compiler.space.config_space import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import BlockSize, Size

MAX_BLOCK = 1 << 16
MAX_DOT_BLOCK = 256
MAX_DOT_DEPTH = 128


def block_sites(program: Program) -> list[Site]:
    """One site for each block size that the author left open."""
    low = least_lanes(program)
    contracted = {op.lhs.type.shape[-1] for op in program.walk() if isinstance(op, Dot)}
    sites: dict[str, Site] = {}
    for block in program.blocks:
        if block.fixed is not None or block.name in sites:
            continue
        same = [other.symbol for other in program.blocks if other.name == block.name]
        demanded = [low[symbol] for symbol in same if symbol in low]
        own = {block.symbol: max(demanded)} if demanded else {}
        sites[block.name] = _site(block, own, contracted=not contracted.isdisjoint(same))
    return list(sites.values())


def _site(block: BlockSize, least: Mapping[Size, int], *, contracted: bool) -> Site:
    low = max(least.get(block.symbol, 1), block.low or 1)
    tried = MAX_BLOCK
    if block.symbol in least:
        tried = MAX_DOT_DEPTH if contracted else MAX_DOT_BLOCK
    high = max(min(tried, block.high or tried, next_power_of_two(block.size_hint)), low)
    default = min(max(32, low), high)
    # Larger blocks than any search would try still give the right result.
    allowed = PowerOfTwo(low, max(block.high or MAX_BLOCK, low), default=default)
    return Site(block.name, PowerOfTwo(low, high, default=default), allowed=allowed)
