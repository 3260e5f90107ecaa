"""How loads, stores and atomics address memory: by pointers, or by tensor descriptors where those can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_autotune import Choice
from helion_compiler.program.access import accessed_shape
from helion_compiler.program.fields import blocks, operands
from helion_compiler.program.ops import Atomic, Load, Store
from helion_compiler.program.program import accesses
from helion_compiler.space.config_space import Exclusion, Site
from helion_compiler.space.descriptors import why_no_descriptor
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from helion_autotune.constraints import Condition
    from helion_compiler.program.ops import Access
    from helion_compiler.program.program import Program
    from helion_compiler.space.flat_loops import FlatLoops


_INTEGERS = frozenset({torch.int32, torch.uint32, torch.uint64})
_REDUCED = {
    "add": _INTEGERS | {torch.float32, torch.float16, torch.bfloat16},
    # Triton asks the GPU of this machine before it takes halves here, and there may be none.
    "min": _INTEGERS,
    "max": _INTEGERS,
    "and": _INTEGERS,
    "or": _INTEGERS,
    "xor": _INTEGERS,
}
"""What Triton's descriptors combine with memory, and in which dtypes."""

_BLOCK_POINTERS = (
    "Triton turns block pointers into plain ones, with offsets of 64 bits, before it compiles them; "
    "write pointer or tensor_descriptor"
)


def mode_of(op: Access) -> str:
    """The parameter that says how an access addresses memory."""
    key = "atomic_indexing" if isinstance(op, Atomic) else "indexing"
    return f"{key}[{op.name}]"


def access_modes(program: Program, aligned: frozenset[int] | None, flat: FlatLoops) -> SpacePart:
    """``indexing`` and ``atomic_indexing``, for calls whose arguments in ``aligned`` are. In ``flat`` grids, pointers
    alone.
    """
    sites: dict[str, list[Site]] = {"indexing": [], "atomic_indexing": []}
    excluded = [Exclusion("indexing block_ptr", _BLOCK_POINTERS)]
    both = Choice(("pointer", "tensor_descriptor"), default="pointer")
    for op in program.walk():
        if not isinstance(op, Load | Store | Atomic):
            continue
        reason = why_no_descriptor(program, op, aligned)
        if isinstance(op, Atomic):
            reason = _why_not_reduced(program, op) or reason
        if reason is not None:
            excluded.append(Exclusion(mode_of(op), reason))
        key = mode_of(op).partition("[")[0]
        site = Site(op.name, None if reason else both, neutral="pointer", reason=reason or "")
        sites[key].append(site)
    if not sites["atomic_indexing"]:
        excluded.append(Exclusion("atomic_indexing", "the kernel has no atomics"))
    described = {site.name for site in sites["indexing"] if site.parameter is not None}
    conditions: dict[str, Condition] = {}
    for grid, name in zip(program.grids, program.grid_names(), strict=True):
        unless_flat = flat.unless(name)
        if unless_flat is not None:
            names = [op.name for op in accesses(grid.body) if op.name in described]
            conditions |= {f"indexing[{access}]": unless_flat for access in names}
    return SpacePart(sites=sites, conditions=conditions, excluded=excluded)


def _why_not_reduced(program: Program, op: Atomic) -> str | None:
    if op.kind not in _REDUCED:
        return f"descriptors know no atomic {op.kind}"
    if op.buffer.dtype not in _REDUCED[op.kind]:
        return f"descriptors know no atomic {op.kind} of {op.buffer.dtype}"
    if op.order != "relaxed":
        return f"descriptors change memory in no order, and the kernel asks for {op.order}"
    if op.value.type.shape != accessed_shape(op.subscripts, op.addresses):
        return "one value is for several elements"
    used = {value for other in program.walk() for value in operands(other)}
    bodies = [grid.body for grid in program.grids]
    bodies += [body for other in program.walk() for body in blocks(other)]
    used |= {value for body in bodies for value in body.yields}
    return "the kernel uses what was there before" if op.result in used else None
