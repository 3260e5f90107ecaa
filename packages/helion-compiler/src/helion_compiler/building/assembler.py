"""Which assembler makes the machine code of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helion_compiler.building.targets import Target


def assembler_version(target: Target) -> str:
    """The version of ptxas, such as ``12.8``, for a CUDA target: newer architectures have one of
    their own."""
    from triton.backends.nvidia.compiler import get_ptxas  # private: see ARCHITECTURE.md

    version: str = get_ptxas(target.architecture).version
    return version
