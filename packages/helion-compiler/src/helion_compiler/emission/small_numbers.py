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
    if op.between is None or not context.schedule.abilities.adds_halves:
        return None
    operand, dtype = op.args[0], op.result.type.dtype
    assert isinstance(operand, Value)
    integer = f"{placed(context, operand, op.result.type.shape)}.to(tl.int16)"
    base = _BASES[dtype]
    bits, number = _moved(integer, *op.between, base)
    return f"{bits}.to({dtype_text(dtype)}, bitcast=True) - {number}"


def _moved(integer: str, least: int, most: int, base: _Base) -> tuple[str, int]:
    """The bits of an integer moved up to the base, and by how much.

    The few bits of a number that may be negative are taken alone, with the sign inverted: what extended the sign before
    is then seen to be useless, as are the shifts of a half of a byte.
    """
    half = 1 << max((-least - 1).bit_length(), most.bit_length())
    if least < 0 and 2 * half <= base.number:
        return f"(({integer} & {2 * half - 1}) ^ {base.bits + half})", base.number + half
    return f"({integer} + {base.bits - least})", base.number - least
