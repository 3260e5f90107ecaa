"""How many lanes Triton's matrix products need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.program.ops import Dot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size

LEAST = 16
"""Lanes of each dimension that are worth a tensor core; of the one summed over, Triton demands them."""
LEAST_SUMMED_OF_BYTES = 32


def least_lanes(program: Program) -> dict[Size, int]:
    """The least lanes of every size that enters a matrix product, and of the blocks that such sizes consist of."""
    low: dict[Size, int] = {}
    blocks = [block.symbol for block in program.blocks]
    for op in program.walk():
        if isinstance(op, Dot):
            for size in op.sizes:
                _demand(low, size, LEAST, blocks)
            _demand(low, op.lhs.type.shape[-1], least_summed(op), blocks)
    return low


def least_summed(op: Dot) -> int:
    """The least lanes that a product may sum over."""
    dtype = torch.promote_types(op.lhs.type.dtype, op.rhs.type.dtype)
    return LEAST_SUMMED_OF_BYTES if dtype.itemsize == 1 else LEAST


def _demand(low: dict[Size, int], size: Size, least: int, blocks: Sequence[Size]) -> None:
    """Ask for ``least`` lanes of a size; where it is a product, of its innermost block."""
    low[size] = max(low.get(size, 1), least)
    if isinstance(size, int) or size in blocks:
        return
    factor, rest = size.as_coeff_Mul()
    merged = [block for block in blocks if block in rest.free_symbols]
    if merged and factor.is_Integer:
        innermost = merged[-1]
        share = next_power_of_two(-(-least // int(factor)))
        low[innermost] = max(low.get(innermost, 1), share)
