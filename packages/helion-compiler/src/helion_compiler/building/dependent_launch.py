"""Which kernels may be launched while the one ahead of them still runs (``programmatic_dependent_launch``).

docs/decisions/0028-kernels-wait-before-they-touch-memory.md argues why those give the same results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion import exc

if TYPE_CHECKING:
    from helion_compiler.program.program import Program
    from helion_compiler.space.target_traits import TargetTraits

FIRST_ARCHITECTURE = 90
"""PTX ISA, ``griddepcontrol``: "Requires sm_90 or higher"."""


def check_dependent_launch(program: Program, traits: TargetTraits) -> None:
    """Refuse the setting where it cannot be had.

    Raises:
        helion.exc.InvalidSetting: the target has no such launches, or the kernel is launched in another way.
    """
    problem = _problem(program, traits)
    if problem is not None:
        raise exc.InvalidSetting(
            setting="programmatic_dependent_launch",
            value="True",
            problem=f"`{program.name}` {problem}",
            allowed="leave the setting out for this kernel, or for builds for this target",
        )


def _problem(program: Program, traits: TargetTraits) -> str | None:
    if traits.backend != "cuda":
        return f"is compiled for {traits.architecture}, and only NVIDIA GPUs have such launches"
    if not isinstance(traits.architecture, int) or traits.architecture < FIRST_ARCHITECTURE:
        return (
            f"is compiled for sm_{traits.architecture}, and GPUs before sm_{FIRST_ARCHITECTURE} "
            "have no such launches"
        )
    if program.barrier is not None:
        return "has a barrier, and all its programs have to be launched at once"
    return None
