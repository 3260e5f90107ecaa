"""Operators that are one function of :mod:`~helion_compiler.torch_bridge.elementary`, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.torch_bridge.dtypes import TRITON_TYPES
from helion_compiler.torch_bridge.elementary import ELEMENTARY_OPERATORS, WIDENED
from helion_compiler.torch_bridge.operands import PointwiseTemplate, TensorOperand

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["elementary_operator"]

_COMPUTED_IN_FLOAT32 = (torch.float32, torch.bfloat16, torch.float16)


def elementary_operator(
    operator: torch._ops.OpOverload,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    result_dtype: torch.dtype,
) -> PointwiseTemplate | None:
    """The text of a call that one function computes in float32; None of any other call."""
    function = ELEMENTARY_OPERATORS.get(operator.overloadpacket.__name__)
    if function is None or kwargs or len(args) != 1 or not isinstance(args[0], TensorOperand):
        return None
    dtypes = {args[0].dtype, result_dtype}
    if not dtypes.issubset(_COMPUTED_IN_FLOAT32):
        return None
    operand, uses = "{0}", {function, "libdevice"}
    if args[0].dtype is torch.bfloat16:
        operand = f"{WIDENED}({{0}})"
        uses.add(WIDENED)
    elif args[0].dtype is torch.float16:
        operand = "{0}.to(tl.float32)"
    lines = [("t0", operand)] if operand != "{0}" else []
    computed = "{t0}" if lines else "{0}"
    lines.append(("t1", f"{function}({computed})"))
    if result_dtype is not torch.float32:
        lines.append(("t2", f"{{t1}}.to({TRITON_TYPES[result_dtype]})"))
    return PointwiseTemplate(
        lines=tuple(lines),
        result=f"{{{lines[-1][0]}}}",
        result_dtype=result_dtype,
        uses=frozenset(uses),
    )
