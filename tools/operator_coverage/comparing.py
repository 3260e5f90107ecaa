"""Whether two results are the same up to rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from operator_coverage.calls import OperatorCall

TOLERANCES = {
    torch.float64: (1e-6, 1e-7),
    torch.float32: (2e-4, 2e-5),
    torch.float16: (4e-3, 2e-3),
    torch.bfloat16: (3e-2, 1e-2),
}
"""Relative and absolute, by the narrowest element type that takes part. Other types have to be equal."""


def difference(
    call: OperatorCall, found: list[torch.Tensor], expected: list[torch.Tensor]
) -> str | None:
    """What differs, in a line; None if nothing does.

    torch itself rounds between the steps of composite operators: where it and we differ in low precision, whoever is
    closer to the result in float64 is right.
    """
    dtypes = [t.dtype for t in (*call.tensors, *expected) if t.dtype in TOLERANCES]
    narrow = min(dtypes, key=lambda d: (d.itemsize, d is torch.float16), default=torch.float64)
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        if ours.dtype not in TOLERANCES:
            same = ours == theirs
        else:
            rtol, atol = TOLERANCES[narrow]
            same = torch.isclose(ours, theirs, rtol=rtol, atol=atol, equal_nan=True)
            if not same.all() and narrow is not torch.float64:
                same |= _as_good(call, number, ours, theirs)
        if not same.all():
            where = (~same).nonzero()[0].tolist()
            one, other = ours[tuple(where)].item(), theirs[tuple(where)].item()
            count = int((~same).sum())
            return f"result {number}, {count} of {same.numel()}: {one} not {other} at {where}"
    return None


def _as_good(
    call: OperatorCall, number: int, ours: torch.Tensor, theirs: torch.Tensor
) -> torch.Tensor:
    """Where ours is as close to the result in float64 as torch's, give or take half a step."""
    wide = [t.double() if t.is_floating_point() else t.clone() for t in call.tensors]
    try:
        exact = call(wide)[number].double()
    except Exception:  # noqa: BLE001  operators without float64 have no better oracle
        return torch.zeros_like(ours, dtype=torch.bool)
    if exact.shape != ours.shape:
        return torch.zeros_like(ours, dtype=torch.bool)
    step = torch.finfo(ours.dtype).eps * exact.abs()
    close: torch.Tensor = (ours.double() - exact).abs() <= (theirs.double() - exact).abs() + step
    return close
