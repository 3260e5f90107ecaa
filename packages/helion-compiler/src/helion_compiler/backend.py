"""The backend ``compile``: found by the language through the entry-point group ``helion.backends``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.backends import INTERFACE_VERSION
from helion_compiler.compiled_kernel import CompiledKernel
from helion_compiler.tuning.worker_source import WorkerSource

if TYPE_CHECKING:
    from helion.backends import KernelDefinition


class CompileBackend:
    """Compiles kernels when they are called: for CUDA tensors with Triton, for CPU tensors in its interpreter.

    Its kernels share the process that workers of searches are forked from.
    """

    interface_version = INTERFACE_VERSION

    def __init__(self) -> None:
        self._workers = WorkerSource()

    def implement(self, definition: KernelDefinition) -> CompiledKernel:
        """Take charge of one kernel. Nothing is compiled yet."""
        return CompiledKernel(definition, workers=self._workers)
