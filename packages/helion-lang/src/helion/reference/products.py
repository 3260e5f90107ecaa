"""Torch's matrix products as a kernel means them: mixed dtypes, and one rounding at the end."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

_ACCUMULATIONS = frozenset({"addmm", "baddbmm"})
PRODUCTS = _ACCUMULATIONS | {"mm", "bmm", "matmul", "__matmul__", "__rmatmul__"}
"""The functions of torch that multiply matrices."""


def promoted(*dtypes: torch.dtype) -> torch.dtype:
    """The dtype that holds all of ``dtypes``; floats of eight bits, which torch promotes to none, as float32."""
    return functools.reduce(_promoted, dtypes)


def _promoted(one: torch.dtype, other: torch.dtype) -> torch.dtype:
    if one is other:
        return one
    wider = [torch.float32 if _is_small_float(dtype) else dtype for dtype in (one, other)]
    return torch.promote_types(*wider)


def _is_small_float(dtype: torch.dtype) -> bool:
    return dtype.is_floating_point and dtype.itemsize == 1


def exact_in_float64(*matrices: torch.Tensor) -> bool:
    """Whether float64 holds the product of these matrices exactly: integers of eight bits, in any number there can be.

    torch multiplies matrices of integers on CPUs alone, and slowly there.
    """
    return all(matrix.dtype in (torch.int8, torch.uint8) for matrix in matrices)


def multiply(
    name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> torch.Tensor:
    """A matrix product with exact products, sums in float32 or wider, and one rounding at the end.

    The result has the accumulator's dtype, else the one asked for, else the one the operands promote to. On a GPU,
    torch's own switch for TF32 (off, unless the user turned it on) decides about products of float32.
    """
    asked = kwargs.pop("out_dtype", None)
    operands = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)]
    wide = promoted(*(operand.dtype for operand in operands))
    accumulator = args[0] if args else kwargs["input"]
    dtype = asked or (accumulator.dtype if name in _ACCUMULATIONS else wide)
    matrices = (
        operands if name not in _ACCUMULATIONS else [o for o in operands if o is not accumulator]
    )
    exact = not dtype.is_floating_point and exact_in_float64(*matrices)
    if exact:
        wide = torch.float64
    elif wide.is_floating_point:
        wide = promoted(wide, torch.float32)

    def widened(value: Any) -> Any:
        return value.to(wide) if isinstance(value, torch.Tensor) else value

    result: torch.Tensor = func(
        *map(widened, args), **{key: widened(value) for key, value in kwargs.items()}
    )
    return (result.to(torch.int64) if exact else result).to(dtype)  # integers wrap, floats do not
