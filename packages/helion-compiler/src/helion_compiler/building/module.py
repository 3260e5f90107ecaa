"""Make a Triton function of emitted source."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from helion_runtime.recompiling.worker import load_source

if TYPE_CHECKING:
    from helion_compiler.emission import EmittedKernel


def source_name(emitted: EmittedKernel) -> str:
    """The file name that generated source goes by; it depends on the text alone."""
    digest = hashlib.sha256(emitted.source.encode()).hexdigest()[:16]
    return f"<helion {emitted.name} {digest}>"


def load_kernel(emitted: EmittedKernel) -> Any:
    """The ``triton.JITFunction`` of an emitted kernel."""
    return load_source(emitted.name, emitted.source, source_name(emitted))
