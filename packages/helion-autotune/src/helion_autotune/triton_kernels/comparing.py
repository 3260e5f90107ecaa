"""Comparing and poisoning tensors. torch is imported only inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

#: How far results may be apart, relative to the expected value plus the root mean square of all expected values:
#: wide enough for another order of summation and for tf32, far below what a wrong index or a missing mask does.
TOLERANCES = {"float64": 1e-9, "float32": 5e-3, "float16": 1e-2, "bfloat16": 3e-2}
#: For the formats of 8 bits and fewer.
COARSE = 0.15


def difference(actual: Tensor, expected: Tensor, tolerance: float | None = None) -> str | None:
    """How ``actual`` differs from ``expected``, in words; None when it does not.

    Integers and booleans must be equal; NaN equals NaN; an infinity equals itself only.
    """
    import torch

    if actual.shape != expected.shape:
        return f"the shape is {tuple(actual.shape)}, expected {tuple(expected.shape)}"
    expected = expected.to(actual.device)
    if not (actual.is_floating_point() or actual.is_complex()):
        wrong = _bits(actual) != _bits(expected)
        return _counted(wrong, "differ") if bool(wrong.any()) else None
    bound = _tolerance(actual.dtype) if tolerance is None else tolerance
    wide = _wide(actual.dtype)
    a, e = actual.to(wide), expected.to(wide)
    finite = torch.isfinite(e)
    scale = e[finite].abs().square().mean().sqrt() if bool(finite.any()) else e.new_zeros(()).abs()
    near = (a - e).abs() <= bound * (e.abs() + scale)
    wrong = ~((near & finite) | (a == e) | (torch.isnan(a) & torch.isnan(e)))
    if not bool(wrong.any()):
        return None
    worst = float((a - e).abs()[wrong].nan_to_num(nan=float("inf")).max())
    return _counted(wrong, f"are off by more than {bound:g} relative, the worst by {worst:.3g}")


def same_bytes(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors of one shape and dtype hold the same bits."""
    import torch

    return torch.equal(_bits(a), _bits(b))


def fill_poison(tensor: Tensor) -> None:
    """Fill with what no kernel computes: NaN, or the extreme integer."""
    import torch

    if tensor.dtype == torch.bool:
        tensor.logical_not_()
    elif tensor.element_size() == 1:
        tensor.view(torch.uint8).fill_(0x7F)  # NaN in the 8-bit formats e4m3fn and e5m2
    elif tensor.is_floating_point() or tensor.is_complex():
        tensor.fill_(float("nan"))
    else:
        limits = torch.iinfo(tensor.dtype)
        tensor.fill_(limits.min or limits.max)


def _bits(tensor: Tensor) -> Tensor:
    """The same memory as integers, which compare bit by bit."""
    import torch

    real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    integers = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return real.view(integers[real.element_size()])


def _counted(wrong: Tensor, what: str) -> str:
    where = tuple(int(i) for i in wrong.nonzero()[0])
    return f"{int(wrong.sum())} of {wrong.numel()} elements {what}; the first at {where}"


def _tolerance(dtype: torch.dtype) -> float:
    real = dtype.to_real() if dtype.is_complex else dtype
    return TOLERANCES.get(str(real).removeprefix("torch."), COARSE)


def _wide(dtype: torch.dtype) -> torch.dtype:
    import torch

    if dtype.is_complex:
        return torch.complex128
    return torch.float64 if dtype == torch.float64 else torch.float32
