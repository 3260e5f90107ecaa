"""To which floats a Program rounds what its results are made of: how exact they can be.

In: a Program. Out: for the dtype of what it stores, the coarsest float dtype that anything is rounded to on the way
there. Reference mode in higher precision rounds nothing, so that much lies between both. What arguments hold is the
same for both, and no rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.program.fields import results
from helion_compiler.program.flow import Flow, joined
from helion_compiler.program.ops import Atomic, Dot, Fold, Load, Pointwise, Reduce, Store

if TYPE_CHECKING:
    from helion_compiler.program.ops import Op
    from helion_compiler.program.program import Program

    Dtypes = frozenset[torch.dtype]

_EXACT = frozenset(
    ("abs", "amax", "amin", "clamp", "max", "maximum", "min", "minimum", "neg", "relu", "where")
)
"""Operators and reductions whose results are operands, but for their sign."""


def coarsest_roundings(program: Program) -> dict[torch.dtype, torch.dtype]:
    """By the float dtype of what is stored, where something on the way is rounded to a coarser one."""
    written: dict[int, Dtypes] = {}
    before: dict[int, Dtypes] | None = None
    while written != before:  # what one grid stores, another one may load
        before, written = written, _stored(program, written)
    found: dict[torch.dtype, Dtypes] = {}
    for op in program.accesses():
        if isinstance(op, Store | Atomic) and op.buffer.dtype.is_floating_point:
            reached = written[program.owner(op.buffer)]
            found[op.buffer.dtype] = found.get(op.buffer.dtype, frozenset()) | reached
    coarsest = {dtype: _coarsest(reached) for dtype, reached in found.items()}
    return {
        dtype: rounded
        for dtype, rounded in coarsest.items()
        if rounded is not None and _roundoff(rounded) > _roundoff(dtype)
    }


def _stored(program: Program, written: dict[int, Dtypes]) -> dict[int, Dtypes]:
    """What reaches each buffer, by its owner's number, where ``written`` has reached what is loaded."""

    def made(op: Op, flow: Flow[torch.dtype]) -> Dtypes:
        reached = joined(op, flow)
        if isinstance(op, Load):
            return reached | written.get(program.owner(op.buffer), frozenset())
        if isinstance(op, Pointwise | Reduce | Fold | Dot):
            reached |= _rounded_by(op)
        return reached

    flow: Flow[torch.dtype] = Flow(made)
    for grid in program.grids:
        flow.follow(grid.body)
    found = dict(written)
    for op in program.accesses():
        if isinstance(op, Store | Atomic):
            owner = program.owner(op.buffer)
            found[owner] = found.get(owner, frozenset()) | flow.of(op.value)
    return found


def _rounded_by(op: Pointwise | Reduce | Fold | Dot) -> Dtypes:
    """The float dtypes of what an op computes, unless it only chooses among what is there."""
    if isinstance(op, Pointwise) and op.operator.overloadpacket.__name__ in _EXACT:
        return frozenset()
    if isinstance(op, Reduce) and op.kind in _EXACT:
        return frozenset()
    dtypes = (value.type.dtype for value in results(op))
    return frozenset(dtype for dtype in dtypes if dtype.is_floating_point)


def _coarsest(dtypes: Dtypes) -> torch.dtype | None:
    return max(dtypes, key=_roundoff, default=None)


def _roundoff(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps
