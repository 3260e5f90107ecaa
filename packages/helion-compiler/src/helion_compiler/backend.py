"""The backend ``compile``: found by the language through the entry-point group ``helion.backends``.

The compiler itself is imported when the first kernel is called, which takes more than a second; the process that a
search will measure in imports what it needs meanwhile.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from helion import exc
from helion.backends import INTERFACE_VERSION
from helion_compiler.tuning.worker_source import WorkerSource

if TYPE_CHECKING:
    from helion.backends import KernelDefinition
    from helion_compiler.compiled_kernel import CompiledKernel

COMPILER = "helion_compiler.compiled_kernel"


class CompileBackend:
    """Compiles kernels when they are called: for CUDA tensors with Triton, for CPU tensors in its interpreter.

    Its kernels share the process that workers of searches are forked from.
    """

    interface_version = INTERFACE_VERSION

    def __init__(self) -> None:
        self._workers = WorkerSource()

    def implement(self, definition: KernelDefinition) -> CompiledKernel:
        """Take charge of one kernel. Nothing is compiled yet.

        Raises:
            helion.exc.BackendNotInstalled: something that the compiler needs is missing.
        """
        if COMPILER not in sys.modules:
            self._workers.expect(definition)
        try:
            from helion_runtime.collection_pause import collection_pause  # with all of the runtime

            with (
                collection_pause()
            ):  # what modules make stays; looking for garbage takes a fifth of the time
                from helion_compiler.compiled_kernel import CompiledKernel
        except ImportError as error:
            raise exc.BackendNotInstalled(
                problem=f"the compiler cannot be imported: {error}",
                remedy="install helion-compiler with what it requires, torch and triton among them",
            ) from error
        return CompiledKernel(definition, workers=self._workers)
