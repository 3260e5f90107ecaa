"""Places of values in sorted sequences, by counting what comes before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.location import here
from helion_compiler.tracing.operators.dims import check_rank
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@rule_for("bucketize")
def bucketize(
    trace: Trace,
    operator: Any,
    operand: torch.Tensor,
    boundaries: torch.Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
) -> torch.Tensor:
    """Where each element belongs among ascending boundaries."""
    check_rank("bucketize", "the boundaries", boundaries, 1)
    return searchsorted(trace, operator, boundaries, operand, out_int32=out_int32, right=right)


@rule_for("searchsorted")
def searchsorted(
    trace: Trace,
    _operator: Any,
    sequence: torch.Tensor,
    values: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: torch.Tensor | None = None,
) -> torch.Tensor:
    """Where each value belongs in an ascending sequence, or in the row of it that belongs to the value's row."""
    if sorter is not None:
        raise exc.UnsupportedOperator(
            span=here(),
            operator="torch.searchsorted",
            reason="it is given a sorter: put the sequence in order first, with `torch.gather`",
        )
    with trace.listening():
        if not isinstance(values, torch.Tensor):
            values = torch.full([], values, dtype=sequence.dtype, device=sequence.device)
        rows = sequence if sequence.ndim <= 1 else sequence.unsqueeze(-2)
        wanted = values.unsqueeze(-1)
        before = rows <= wanted if right or side == "right" else rows < wanted
        if values.is_floating_point():  # which come after every number
            before = before | torch.isnan(wanted)
        places: torch.Tensor = before.sum(-1, dtype=torch.int32 if out_int32 else torch.int64)
        return places
