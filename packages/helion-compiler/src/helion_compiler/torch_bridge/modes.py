"""The modes of torch that a trace is made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["FakeTensorMode", "TorchDispatchMode", "without_modes"]


def without_modes() -> AbstractContextManager[None]:
    """A context in which no mode sees what torch is asked."""
    return _disable_current_modes()
