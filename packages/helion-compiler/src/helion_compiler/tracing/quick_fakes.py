"""What usual host operators give, told by their arguments: torch would compute it with Dynamo, which takes a second.

In: an operator and fake tensors. Out: a fake tensor like torch's, or None for torch to say.
"""

from __future__ import annotations

from typing import Any

import torch

aten: Any = torch.ops.aten


def _overloads(*names: str) -> frozenset[Any]:
    return frozenset(
        getattr(getattr(aten, n), with_) for n in names for with_ in ("Scalar", "Tensor")
    )


_COMPARISONS = _overloads("eq", "ne", "lt", "le", "gt", "ge")
_QUOTIENTS = _overloads("div")
_KNOWN = _COMPARISONS | _QUOTIENTS | _overloads("add", "sub", "mul")


def quick_fake(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """The result of a mean, or of a comparison or basic arithmetic of a tensor with a number, or with a tensor without
    dimensions.
    """
    if kwargs:
        return None
    first = args[0] if args else None
    if not isinstance(first, torch.Tensor):
        return None
    if operator is aten.mean.default:
        return first.new_empty(()) if first.is_floating_point() else None
    if operator not in _KNOWN or len(args) != 2 or not _is_one_number(args[1]):
        return None
    if operator in _COMPARISONS:
        return torch.empty_like(first, dtype=torch.bool)
    dtype = torch.result_type(first, args[1])
    if operator in _QUOTIENTS:
        whole = not (dtype.is_floating_point or dtype.is_complex)
        return torch.empty_like(first, dtype=torch.get_default_dtype() if whole else dtype)
    return None if dtype is torch.bool else torch.empty_like(first, dtype=dtype)


def _is_one_number(other: Any) -> bool:
    """Numbers that only the call tells are torch's matter."""
    return isinstance(other, bool | int | float) or (
        isinstance(other, torch.Tensor) and other.dim() == 0
    )
