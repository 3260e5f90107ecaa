"""The one place that finds the real driver: in goes nothing, out comes the same object every time."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helion_runtime.driver import Driver


@cache
def default_driver() -> Driver:
    """The driver of this machine's NVIDIA GPUs.

    Raises:
        helion_runtime.NoDeviceError: there is none.
    """
    from helion_runtime.cuda_driver import CudaDriver  # only a launch needs the driver's library

    return CudaDriver()
