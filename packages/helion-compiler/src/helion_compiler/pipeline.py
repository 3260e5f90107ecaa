"""The pipeline as a list: from a staged function to a Program, and from a Program and a point to
source.

Reads as documentation. ``observe`` is called between stages with the stage's name and what it made:
for dumps, checks and timing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from helion_compiler.emission import EmittedKernel, emit
from helion_compiler.passes import (
    drop_dead_ops,
    insert_masks,
    mark_rounded,
    mark_small_numbers,
    order_accesses,
)
from helion_compiler.program.verifier import verify_program
from helion_compiler.scheduling import Schedule, make_schedule
from helion_compiler.tracing import trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion import Settings
    from helion_autotune import Point
    from helion_compiler.program.program import Program
    from helion_compiler.space.target_traits import TargetTraits
    from helion_compiler.staging import StagedFunction
    from helion_compiler.tracing.arguments import Call

PASSES: tuple[Callable[[Program], Program], ...] = (
    drop_dead_ops,
    order_accesses,
    insert_masks,
    mark_rounded,
    mark_small_numbers,
)


def make_program(
    staged: StagedFunction,
    call: Call,
    settings: Settings,
    observe: Callable[[str, Any], None] | None = None,
    tunables: Mapping[str, Any] = MappingProxyType({}),
) -> Program:
    """Trace and run every pass; each result is verified, unless a pass has changed nothing.

    ``tunables`` are values for what the kernel registers; the others are at their defaults.
    """
    program = trace(staged, call, static_shapes=settings.static_shapes, tunables=tunables)
    verify_program(program)
    _show(observe, "trace", program)
    for run in PASSES:
        before, program = program, run(program)
        if program is not before:
            verify_program(program)
        _show(observe, run.__name__, program)
    return program


def make_source(
    program: Program,
    point: Point,
    settings: Settings,
    traits: TargetTraits,
    observe: Callable[[str, Any], None] | None = None,
) -> tuple[Schedule, EmittedKernel]:
    """Schedule and emit."""
    schedule = make_schedule(
        program,
        point,
        dot_precision=settings.dot_precision,
        fast_math=settings.fast_math,
        abilities=traits.abilities,
        dependent_launch=settings.programmatic_dependent_launch,
    )
    if schedule.program is not program:
        verify_program(schedule.program)
    _show(observe, "schedule", schedule)
    emitted = emit(schedule, origin_lines=settings.output_origin_lines)
    _show(observe, "emit", emitted)
    return schedule, emitted


def _show(observe: Callable[[str, Any], None] | None, stage: str, made: Any) -> None:
    if observe is not None:
        observe(stage, made)
