"""``tensor.view(dtype)``: the same bits as another type, which TorchInductor keeps as a view and never writes down."""

from __future__ import annotations

from typing import Any

import torch

from helion_compiler.torch_bridge.dtypes import TRITON_TYPES
from helion_compiler.torch_bridge.operands import NotPointwise, PointwiseTemplate, TensorOperand

__all__ = ["bitcast_template"]


def bitcast_template(
    operator: torch._ops.OpOverload, args: tuple[Any, ...], result_dtype: torch.dtype
) -> PointwiseTemplate:
    """The text of ``aten.view.dtype``.

    Raises:
        NotPointwise: the types differ in size, so that the tile would have other lanes, or one of them
            is bool, which has no bits in Triton, or one that Triton does not have.
    """
    operand, dtype = args
    assert isinstance(operand, TensorOperand)
    types = (operand.dtype, dtype)
    if any(kind is torch.bool or kind not in TRITON_TYPES for kind in types):
        raise NotPointwise(operator, f"Triton cannot view {types[0]} as {types[1]}")
    if operand.dtype.itemsize != dtype.itemsize:
        raise NotPointwise(operator, f"{types[0]} and {types[1]} differ in size")
    result = f"{{0}}.to({TRITON_TYPES[dtype]}, bitcast=True)"
    return PointwiseTemplate(
        lines=(("t0", result),), result="{t0}", result_dtype=result_dtype, uses=frozenset()
    )
