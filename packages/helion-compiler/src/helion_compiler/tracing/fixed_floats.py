"""Floats of the host in device code: open where an operator means one text for every value of them.

Some operators are written in another way for some numbers: `x ** 0.5` is a square root. There the
specialization fixes the number, as Python would.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import tree_any, tree_map

from helion_compiler.torch_bridge.operands import NotPointwise, ScalarOperand, TensorOperand
from helion_compiler.torch_bridge.pointwise import lower_pointwise


def with_fixed_floats(
    operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a pointwise operator; open floats as numbers where they cannot stay open."""
    if not tree_any(_is_open, (args, kwargs)):
        return args, kwargs
    try:
        operands, named = tree_map(_operand, (args, kwargs))
        lower_pointwise(operator, operands, named, torch.float32)
    except NotPointwise:
        fixed_args, fixed_kwargs = tree_map(_fixed, (args, kwargs))
        return fixed_args, fixed_kwargs
    return args, kwargs


def _is_open(argument: Any) -> bool:
    return isinstance(argument, torch.SymFloat)


def _operand(argument: Any) -> Any:
    match argument:
        case torch.Tensor():
            return TensorOperand(argument.dtype)
        case torch.SymFloat():
            return ScalarOperand("float")
        case torch.SymInt():
            return ScalarOperand("int")
    return argument


def _fixed(argument: Any) -> Any:
    return float(argument) if isinstance(argument, torch.SymFloat) else argument
