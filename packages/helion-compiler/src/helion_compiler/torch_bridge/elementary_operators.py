"""Operators that are one function of :mod:`~helion_compiler.torch_bridge.elementary`, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.torch_bridge.elementary import ELEMENTARY_OPERATORS, ROUGH_OPERATORS
from helion_compiler.torch_bridge.line_writer import LineWriter, Tile
from helion_compiler.torch_bridge.operands import TensorOperand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.torch_bridge.operands import PointwiseTemplate

__all__ = ["elementary_operator"]

_COMPUTED_IN_FLOAT32 = (torch.float32, torch.bfloat16, torch.float16)


def elementary_operator(
    operator: torch._ops.OpOverload,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    result_dtype: torch.dtype,
    approximated: frozenset[str],
) -> PointwiseTemplate | None:
    """The text of a call that one function computes in float32; None of any other call."""
    name = operator.overloadpacket.__name__
    function = (ROUGH_OPERATORS if name in approximated else ELEMENTARY_OPERATORS).get(name)
    if function is None or kwargs or len(args) != 1 or not isinstance(args[0], TensorOperand):
        return None
    dtypes = {args[0].dtype, result_dtype}
    if not dtypes.issubset(_COMPUTED_IN_FLOAT32):
        return None
    writer = LineWriter(approximated=frozenset(), elementary=True)
    operand = writer.value(Tile(0, args[0].dtype), torch.float32)
    return writer.template(writer.called(function, operand), result_dtype)
