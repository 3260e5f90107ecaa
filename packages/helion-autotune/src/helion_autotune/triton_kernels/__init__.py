"""Tuning of hand-written ``@triton.jit`` kernels: a decorator in the place of ``@triton.autotune``.

Nothing here imports triton or torch before a kernel is launched.
"""

from helion_autotune.triton_kernels.decorator import TimesMeanNothingError, TunedKernel, autotune

__all__ = ["TimesMeanNothingError", "TunedKernel", "autotune"]
