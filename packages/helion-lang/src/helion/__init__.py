"""Helion: PyTorch with tiles. ``import helion, helion.language as hl``.

This package declares the language and runs it in reference mode. Compiling kernels, and running compiled ones, is for
packages found by entry point: see :mod:`helion.backends`.
"""

from __future__ import annotations

from helion import exc
from helion.bound_kernel import BoundKernel, OutputCodeOptions
from helion.config import Config
from helion.kernels import Kernel, jit, kernel
from helion.ref_mode import RefMode
from helion.settings import Settings
from helion.sizes import cdiv, next_power_of_2

__all__ = [
    "BoundKernel",
    "Config",
    "Kernel",
    "OutputCodeOptions",
    "RefMode",
    "Settings",
    "cdiv",
    "exc",
    "jit",
    "kernel",
    "next_power_of_2",
]
