"""Whether a kernel is compiled or run as the Python it is written in, as a name."""

from __future__ import annotations

from enum import Enum
from typing import Any


class RefMode(Enum):
    """What the setting ``ref_mode`` may be, besides True and False."""

    OFF = "off"
    """Compile the kernel."""

    EAGER = "eager"
    """Run the kernel's own Python on real slices: reference mode."""


def as_flag(value: Any) -> Any:
    """``value``, with a :class:`RefMode` as the flag that it stands for."""
    return value is RefMode.EAGER if isinstance(value, RefMode) else value
