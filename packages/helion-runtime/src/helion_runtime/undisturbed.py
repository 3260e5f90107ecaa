"""Host code runs as it was traced, whatever the caller has switched on: it records nothing for gradients,
and autocast, whose casts a trace would have written down, does not cast once more.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable


def undisturbed(run: Callable[..., Any], device_type: str) -> Callable[..., Any]:
    """``run`` without gradients and without autocast."""

    @functools.wraps(run)
    def apart(*args: Any) -> Any:
        with torch.no_grad():
            if not torch.is_autocast_enabled(device_type):
                return run(*args)
            with torch.autocast(device_type, enabled=False):
                return run(*args)

    return apart
