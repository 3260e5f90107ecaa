"""Reading what an earlier loop wrote, once a barrier lies between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .aligning import expanded
from .expressions import family, fits
from .values import RejectedError, Value

if TYPE_CHECKING:
    from .draft import Draft
    from .values import Dims


@family(2)
def earlier(draft: Draft, dims: Dims, kind: str, _depth: int) -> Value:
    """One element, or some along one of the dimensions."""
    readable = [output for output in draft.readable if all(output.sizes)]
    if not readable:
        raise RejectedError
    output = draft.draws.pick(readable)
    free = [dim for dim in dims if not dim.parent]
    along = draft.draws.pick(free) if free and draft.draws.chance(0.8) else None
    gathered = draft.draws.integer(0, len(output.sizes) - 1)
    entries = []
    for place, size in enumerate(output.sizes):
        if along is None or place != gathered:
            entries.append(str(draft.draws.integer(-size, size - 1)))
        elif along.tile:
            entries.append(f"{along.name}.index % {size}")
        else:
            entries.append(f"hl.arange({along.name}) % {size}")
    value = Value(
        f"{output.name}[{', '.join(entries)}]",
        output.dtype,
        () if along is None else (along,),
        output.low,
        output.high,
        output.error,
        output.grain,
    )
    if not fits(value, kind):
        raise RejectedError
    return expanded(draft, draft.named(value), dims)
