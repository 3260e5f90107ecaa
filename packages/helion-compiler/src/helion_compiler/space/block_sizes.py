"""The block sizes of a Program: what a search tries, and what an author may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_autotune import PowerOfTwo
from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.program.ops import Dot
from helion_compiler.space.config_space import Site

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import BlockSize, Size

MAX_BLOCK = 1 << 16
MAX_DOT_BLOCK = 256
MAX_DOT_DEPTH = 128


def block_sites(program: Program) -> list[Site]:
    """One site for each block size that the author left open."""
    low = least_blocks(program)
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


def least_blocks(program: Program) -> dict[Size, int]:
    """The least block of every size that enters a matrix product."""
    low: dict[Size, int] = {}
    blocks = [block.symbol for block in program.blocks]
    for op in program.walk():
        if isinstance(op, Dot):
            for size in op.sizes:
                _demand(low, size, 16, blocks)
            if op.lhs.type.dtype.itemsize == 1:
                _demand(low, op.lhs.type.shape[-1], 32, blocks)
    return low


def _demand(low: dict[Size, int], size: Size, least: int, blocks: Sequence[Size]) -> None:
    """Ask for ``least`` lanes of a size; where it is a product, of its innermost block."""
    low[size] = max(low.get(size, 1), least)
    if isinstance(size, int) or size in blocks:
        return
    factor, rest = size.as_coeff_Mul()
    merged = [block for block in blocks if block in rest.free_symbols]
    if merged and factor.is_Integer:
        innermost = merged[-1]
        low[innermost] = max(low.get(innermost, 1), -(-least // int(factor)))


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
