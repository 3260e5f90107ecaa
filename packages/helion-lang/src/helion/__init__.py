"""Helion: PyTorch with tiles. ``import helion, helion.language as hl``.

This package declares the language and runs it in reference mode. Compiling kernels, and running compiled ones, is for
packages found by entry point: see :mod:`helion.backends`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from helion import exc
from helion.bound_kernel import BoundKernel, OutputCodeOptions
from helion.cached_configs import from_cache
from helion.config import Config
from helion.kernels import Kernel, jit, kernel
from helion.ref_mode import RefMode
from helion.settings import Settings
from helion.sizes import cdiv, next_power_of_2

if TYPE_CHECKING:
    from helion import autotuner, language

__all__ = [
    "BoundKernel",
    "Config",
    "Kernel",
    "OutputCodeOptions",
    "RefMode",
    "Settings",
    "autotuner",
    "cdiv",
    "exc",
    "from_cache",
    "jit",
    "kernel",
    "language",
    "next_power_of_2",
]

if not TYPE_CHECKING:  # a checker would take it to mean that there is everything

    def __getattr__(name: str) -> Any:
        """The modules that load torch, when they are first asked for: ``helion.language``, ``helion.autotuner``."""
        if name in ("autotuner", "language"):
            return importlib.import_module(f"helion.{name}")
        raise AttributeError(f"module 'helion' has no attribute {name!r}")
