"""Reference mode: kernels as the Python they are written in; the oracle of tests and of the tuner."""

from __future__ import annotations

from helion.reference.backend import ReferenceBackend
from helion.reference.blocks import BlockSizes
from helion.reference.run import ReferenceResult, run

__all__ = ["BlockSizes", "ReferenceBackend", "ReferenceResult", "run"]
