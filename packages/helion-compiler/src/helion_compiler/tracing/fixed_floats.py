"""Floats of the host in device code: open where an operator means one text for every value of them.

Some operators are written in another way for some numbers: there the specialization fixes the number,
as Python would.
"""

from __future__ import annotations

from typing import Any

import torch

from helion_compiler.torch_bridge.operands import NotPointwise, ScalarOperand, TensorOperand
from helion_compiler.torch_bridge.pointwise import lower_pointwise
from helion_compiler.torch_bridge.trees import tree_any, tree_map


def with_fixed_floats(
    operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a pointwise operator; open floats as numbers where they cannot stay open, and
    fixing them helps."""
    arguments = (args, kwargs)
    if not tree_any(_is_open, arguments):
        return arguments
    if _has_text(operator, tree_map(_operand, arguments)):
        return arguments
    if not _has_text(operator, tree_map(_operand, tree_map(_hint, arguments))):
        return arguments
    fixed_args, fixed_kwargs = tree_map(_fixed, arguments)
    return fixed_args, fixed_kwargs


def _has_text(operator: Any, operands: tuple[tuple[Any, ...], dict[str, Any]]) -> bool:
    try:
        lower_pointwise(operator, *operands, torch.float32)
    except NotPointwise:
        return False
    return True


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


def _hint(argument: Any) -> Any:
    """What an open float is in the call that is traced, without fixing it; itself where that is unknown."""
    if not isinstance(argument, torch.SymFloat) or not argument.node.has_hint():
        return argument
    return float(argument.node.hint)


def _fixed(argument: Any) -> Any:
    return float(argument) if isinstance(argument, torch.SymFloat) else argument
