"""What the choices of a config depend on of the GPU that a kernel is for."""

from __future__ import annotations

from typing import Literal

import attrs
import torch

from helion_compiler.scheduling.schedule import Abilities

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
    def abilities(self) -> Abilities:
        """What source for it may rely on."""
        if self.backend != "cuda":
            return Abilities()
        return Abilities(
            elementary=True,
            adds_halves=int(self.architecture) >= _ADDS_BFLOAT16,
            multiplies_from_registers=int(self.architecture) == _WARP_GROUPS,
        )

    def by_lanes(self, dot_precision: str) -> frozenset[torch.dtype]:
        """The dtypes whose products lanes do, step by step, since matrix units do not have that precision."""
        ieee = self.backend == "cuda" and dot_precision == "ieee"
        return frozenset({torch.float32} if ieee else ())
