"""Who called the language, from where, and what they call things."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import torch

from helion.exc import Span

if TYPE_CHECKING:
    from types import FrameType

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep


def user_frame() -> FrameType:
    """The nearest frame that is neither Helion's own nor torch's."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_OWN, _TORCH)):
        frame = frame.f_back
    return frame


def here() -> Span | None:
    """The expression of the user's that is being evaluated."""
    return Span.from_frame(user_frame())


def name_of(tensor: torch.Tensor) -> str:
    """What the user calls ``tensor``: the name of a variable, if there is one."""
    frame = user_frame()
    for names in (frame.f_locals, frame.f_globals):
        for name, value in names.items():
            if value is tensor:
                return name
    span = Span.from_frame(frame)
    text = (span.text() if span else None) or ""
    return text if text.isidentifier() else "tensor"
