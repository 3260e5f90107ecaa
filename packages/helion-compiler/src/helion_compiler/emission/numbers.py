"""Numbers as Triton writes them."""

from __future__ import annotations

import math


def number_text(value: float | bool) -> str:
    """A number as Triton text."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    return repr(value)
