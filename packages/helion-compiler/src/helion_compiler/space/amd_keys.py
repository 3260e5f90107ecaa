"""Keys of AMD targets: hints for AMD's compiler, and program ids that follow the compute dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_autotune import Choice, Integer
from helion_autotune.constraints import Condition
from helion_compiler.program.ops import Dot
from helion_compiler.space.config_space import Exclusion
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from helion_autotune import Parameter
    from helion_compiler.program.program import Program
    from helion_compiler.space.target_traits import TargetTraits

_KEYS = ("waves_per_eu", "matrix_instr_nonkdim", "xcd_remap")


def amd_keys(program: Program, traits: TargetTraits) -> SpacePart:
    """``waves_per_eu``, ``matrix_instr_nonkdim`` and ``xcd_remap``."""
    if traits.backend != "hip":
        reason = "it concerns AMD GPUs, and the target is none"
        return SpacePart(excluded=[Exclusion(key, reason) for key in _KEYS])
    single: dict[str, Parameter] = {"waves_per_eu": Integer(0, 4, default=0)}
    wider: dict[str, Parameter] = {"waves_per_eu": Integer(0, 8, default=0)}
    excluded = []
    if any(isinstance(op, Dot) for op in program.walk()):
        single["matrix_instr_nonkdim"] = Choice((0, 16, 32), default=0)
    else:
        reason = "the kernel has no matrix product"
        excluded.append(Exclusion("matrix_instr_nonkdim", reason))
    if traits.dies:
        single["xcd_remap"] = Choice((False, True), default=False)
    else:
        reason = "the target is not known to deal programs out to several compute dies"
        excluded.append(Exclusion("xcd_remap", reason))
    in_a_row = Condition(
        "programs in a grid of several dimensions are not dealt out in a row",
        lambda point: point["pid_type"] != "xyz",
    )
    return SpacePart(
        single=single,
        wider=wider,
        conditions={"xcd_remap": in_a_row} if "xcd_remap" in single else {},
        excluded=excluded,
    )
