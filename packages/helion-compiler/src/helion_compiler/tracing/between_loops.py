"""Host code between two outermost loops: one kernel runs both, so it has to run before the launch.

Allocations and views move without notice. What computes, writes or reads may move if nothing of it
depends on what the loops before it wrote, and it writes nothing that they touched; else it is an error,
at its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion import exc
from helion_compiler.program.ops import Load
from helion_compiler.program.program import accesses
from helion_compiler.tracing.host_calls import written_arguments
from helion_runtime.entries import AllocateStep, CallStep, ReadStep, ViewStep
from helion_runtime.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion_compiler.tracing.state import Trace


def move_before_launch(trace: Trace) -> None:
    """Let what stands behind the loops traced so far run before them, as another loop begins.

    Raises:
        helion.exc.TopLevelStatementBetweenLoops: a statement depends on what they wrote.
    """
    plan = trace.plan
    done = [op for grid in trace.grids for op in accesses(grid.body)]
    touched = {plan.owner(op.buffer) for op in done}
    written = {plan.owner(op.buffer) for op in done if not isinstance(op, Load)}
    for position, step in enumerate(plan.steps):
        if isinstance(step, AllocateStep | ViewStep) or not step.after:
            continue
        reads, writes = _uses(step)
        if written & plan.owners(reads) or touched & plan.owners(writes):
            raise exc.TopLevelStatementBetweenLoops(span=plan.places.get(position))
        plan.steps[position] = replace(step, after=False)


def _uses(step: CallStep | ReadStep) -> tuple[set[int], set[int]]:
    """The buffers that a step looks at, and those that it writes."""
    if isinstance(step, ReadStep):
        return {step.buffer}, set()
    trees = (*step.arguments, *(tree for _, tree in step.keywords))
    writes = {number for tree in written_arguments(step) for number in _buffers(tree)}
    return {number for tree in trees for number in _buffers(tree)}, writes


def _buffers(tree: Any) -> Iterator[int]:
    match tree:
        case ["buffer", number]:
            yield number
        case ["list", trees]:
            for item in trees:
                yield from _buffers(item)
