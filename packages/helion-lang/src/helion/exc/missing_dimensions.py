"""From torch's error about a dimension that a tensor lacks to Helion's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from helion.exc.reductions import ReductionDimInvalidForShape

if TYPE_CHECKING:
    from helion.exc.diagnostic import Span

_SENTENCE = re.compile(
    r"Dimension out of range \(expected to be in range of \[-\d+, (?P<last>\d+)\], but got (?P<dim>-?\d+)\)"
)


def missing_dimension(error: Exception, span: Span | None) -> ReductionDimInvalidForShape | None:
    """What the author is told of ``error``; None where it is not about a dimension."""
    found = _SENTENCE.search(str(error)) if isinstance(error, IndexError) else None
    if found is None:
        return None
    return ReductionDimInvalidForShape(
        operation=(span and span.text()) or "this operation",
        dim=found["dim"],
        what=f"{int(found['last']) + 1} dimension(s)",
        span=span,
    )
