"""Make a Triton function of generated source, with the source where tracebacks and Triton look for it."""

from __future__ import annotations

import hashlib
import linecache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helion_compiler.emission import EmittedKernel


def source_name(emitted: EmittedKernel) -> str:
    """The file name that generated source goes by; it depends on the text alone."""
    digest = hashlib.sha256(emitted.source.encode()).hexdigest()[:16]
    return f"<helion {emitted.name} {digest}>"


def load_kernel(emitted: EmittedKernel) -> Any:
    """The ``triton.JITFunction`` of an emitted kernel."""
    name = source_name(emitted)
    lines = emitted.source.splitlines(keepends=True)
    linecache.cache[name] = (len(emitted.source), None, lines, name)
    namespace: dict[str, Any] = {"__name__": f"helion_generated.{emitted.name}"}
    exec(compile(emitted.source, name, "exec"), namespace)
    return namespace[emitted.name]
