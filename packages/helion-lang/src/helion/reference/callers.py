"""Who called the language."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def user_frame() -> FrameType:
    """The nearest frame that is not Helion's own."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("helion."):
        frame = frame.f_back
    return frame
