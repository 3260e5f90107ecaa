"""Which dtypes a target has: a kernel with another has no config there."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from helion_autotune.constraints import Constraint
from helion_compiler.program.fields import results

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.program import Program
    from helion_compiler.space.target_traits import TargetTraits

_FIRST: Mapping[torch.dtype, int] = MappingProxyType({torch.float8_e4m3fn: 89})
"""The first of NVIDIA's architectures for which Triton compiles a dtype."""


def has_dtypes(program: Program, traits: TargetTraits) -> tuple[Constraint, ...]:
    """One constraint, which no point fulfils, for each dtype that the target lacks."""
    if not isinstance(traits.architecture, int):
        return ()
    found = {op.buffer.dtype for op in program.accesses()}
    found |= {value.type.dtype for op in program.walk() for value in results(op)}
    return tuple(
        Constraint(
            f"dtype {dtype}",
            f"the target is of NVIDIA's architecture {traits.architecture}, and {dtype} begins with {first}",
            lambda _: False,
        )
        for dtype, first in _FIRST.items()
        if dtype in found and traits.architecture < first
    )
