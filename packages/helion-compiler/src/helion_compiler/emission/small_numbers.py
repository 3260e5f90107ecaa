"""Floats of 16 bits that are put together from the bits of small integers."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs
import torch

from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.held import placed
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.ops import Pointwise


@attrs.frozen
class _Base:
    """A power of two from which on a dtype has whole numbers alone, one apart: ``number``, and its ``bits``."""

    number: int
    bits: int


_BASES: Mapping[torch.dtype, _Base] = MappingProxyType(
    {torch.bfloat16: _Base(2**7, 0x4300), torch.float16: _Base(2**10, 0x6400)}
)


def small_number(context: EmissionContext, op: Pointwise) -> str | None:
    """A conversion of integers as bits: those of the base and of how much greater than the least a lane is, minus the
    base and plus the least, as a float, which is exact. None of other operators, and for targets that have no such
    sum.
    """
    if op.least is None or not context.schedule.abilities.adds_halves:
        return None
    operand, dtype = op.args[0], op.result.type.dtype
    assert isinstance(operand, Value)
    base = _BASES[dtype]
    bits = f"{placed(context, operand, op.result.type.shape)}.to(tl.int16)"
    moved = f"({bits} + {base.bits - op.least}).to({dtype_text(dtype)}, bitcast=True)"
    return f"{moved} - {base.number - op.least}"
