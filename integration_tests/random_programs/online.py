"""A loop that carries two values, of which one corrects the other: a running softmax."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from .expressions import value
from .statements import header_of, new_axes, some_dims, statement
from .stores import store
from .values import RejectedError, made

if TYPE_CHECKING:
    from .draft import Draft


@statement(1)
def running_softmax(draft: Draft, _nesting: int) -> None:
    """The logarithm of a sum of exponentials, a tile at a time."""
    outer = tuple(dim for dim in some_dims(draft, 2) if not dim.parent)
    (axis,) = new_axes(draft, 1)
    if not axis.size:
        raise RejectedError
    shape = "[" + ", ".join(dim.name for dim in outer) + "]"
    most, total = draft.fresh("acc"), draft.fresh("acc")
    draft.line(f"{most} = hl.full({shape}, -30, dtype=torch.float32)")
    draft.line(f"{total} = hl.zeros({shape}, dtype=torch.float32)")
    draft.line(header_of(draft, [axis]))
    with draft.indented():
        draft.scope.tiles.append(axis)
        draft.owners.append(axis)
        one = value(draft, (*outer, axis), "float", 2)
        scores, rise = draft.fresh("v"), draft.fresh("v")
        draft.line(f"{scores} = {one.text}.to(torch.float32).clamp(-20, 20)")
        draft.line(f"{rise} = torch.maximum({most}, {scores}.amax(-1))")
        part = f"torch.exp({scores} - {rise}.unsqueeze(-1)).sum(-1)"
        draft.line(f"{total} = {total} * torch.exp({most} - {rise}) + {part}")
        draft.line(f"{most} = {rise}")
    low, high = (min(max(bound, -20), 20) for bound in (one.low, one.high))
    found = made(
        f"{most} + torch.log({total})",
        torch.float32,
        outer,
        (low, high + math.log(axis.size)),
        error=one.error + 2.0**-16,
    )
    store(draft, draft.named(found))
