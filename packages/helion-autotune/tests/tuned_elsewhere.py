"""Tunes a kernel that another module has made, as one does with a kernel of an installed package."""

from __future__ import annotations

from played_kernels import WAYS, double, timer

from helion_autotune import autotune

faster = autotune(WAYS, key=["n"], measure=timer)(double.fn)
