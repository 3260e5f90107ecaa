"""What the choices of a config depend on of the GPU that a kernel is for."""

from __future__ import annotations

from typing import Literal

import attrs

_ADDS_BFLOAT16 = 90
"""PTX ISA 8: ``add{.rnd}.bf16`` requires sm_90 or higher."""
DIES = 8
"""Compute dies (XCD) of the MI300X and of the MI350 series: AMD's white papers of CDNA 3 and CDNA 4."""

_WARP_GROUPS = 90
"""The architecture of Hopper's, the only one with products of warp groups."""


@attrs.frozen
class TargetTraits:
    """``dies`` says whether programs are dealt out in turn to :data:`DIES` compute dies, each with an L2 of its own.
    Without arguments: a Hopper GPU.
    """

    backend: Literal["cuda", "hip"] = "cuda"
    architecture: int | str = 90
    warp_size: int = 32
    dies: bool = False

    @property
    def elementary(self) -> bool:
        """Whether source may call the functions of :mod:`helion_compiler.torch_bridge.elementary`."""
        return self.backend == "cuda"

    @property
    def adds_halves(self) -> bool:
        """Whether there are instructions that add bfloat16, two lanes at once, as there are for float16."""
        return (
            self.backend == "cuda"
            and isinstance(self.architecture, int)
            and self.architecture >= _ADDS_BFLOAT16
        )

    @property
    def multiplies_from_registers(self) -> bool:
        """Whether products of warp groups take their left factors from registers, and go on while others compute."""
        return self.backend == "cuda" and int(self.architecture) == _WARP_GROUPS
