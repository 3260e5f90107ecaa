"""An emitted kernel: source and what calls it, and what any kernel's text begins with."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

import attrs

from helion_compiler.emission.functions import DEVICE_FUNCTIONS
from helion_compiler.program.expressions import largest
from helion_compiler.torch_bridge.pointwise import IMPORTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.emission.grid import GridPlan
    from helion_compiler.emission.parameters import KernelParameter
    from helion_compiler.program.types import Size
    from helion_compiler.scheduling.schedule import ProgramIds


@attrs.frozen(eq=False, kw_only=True)
class EmittedKernel:
    """Source and what calls it.

    ``grid`` are the programs that have work along each dimension of a launch; ``limits`` are element counts that
    offsets in the source assume to fit 31 bits. A kernel that ``waits`` has barriers: all its programs run at once.
    One that ``follows_addresses`` touches memory beside its parameters'.
    """

    name: str
    source: str
    parameters: tuple[KernelParameter, ...]
    grid: tuple[Size, Size, Size]
    persistent: bool
    waits: bool
    follows_addresses: bool
    limits: tuple[Size, ...]


def programs_of(plans: Sequence[GridPlan], kind: ProgramIds) -> tuple[Size, Size, Size]:
    """How many programs have work of their own: for all grids, or for the largest where each serves all."""
    if kind == "xyz":
        x, y, z = (*plans[0].tiles, 1, 1)[:3]
        return x, y, z
    totals = [plan.total for plan in plans]
    return functools.reduce(operator.add, totals) if kind == "flat" else largest(totals), 1, 1


def preamble(context: EmissionContext, decorator: str = "triton.jit") -> str:
    """The imports and small functions that a kernel's text needs; ``decorator`` compiles those."""
    uses = context.uses
    imports = ["import triton", "import triton.language as tl"]
    imports += [IMPORTS[name] for name in sorted(uses & IMPORTS.keys())]
    imports += [line for line in context.lines if line not in imports]
    functions = [
        f"@{decorator}\ndef {name}{DEVICE_FUNCTIONS[name]}\n"
        for name in sorted(uses & DEVICE_FUNCTIONS.keys())
    ]
    functions += context.functions
    return "\n\n\n".join(["\n".join(imports), *functions, ""]).replace("\n\n\n\n", "\n\n\n")


def emit_dependent_launch(context: EmissionContext) -> None:
    """Wait for the kernel ahead, and only then let the next one be set up: decision 0028 says why in this order."""
    context.lines["from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait"] = None
    context.writer.line("gdc_wait()")
    context.writer.line("gdc_launch_dependents()")
