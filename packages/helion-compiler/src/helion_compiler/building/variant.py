"""A Schedule's kernel as the runtime's variant: guard, host plan, grid and launch arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.building.block_sizes import with_block_sizes
from helion_compiler.building.specialization import is_aligned
from helion_compiler.emission import BufferParameter, DescriptorParameter, ScalarParameter
from helion_compiler.program.expressions import to_runtime
from helion_compiler.space.program_ids import MAX_PROGRAMS_BESIDE
from helion_runtime.entries import (
    DescriptorArgument,
    Expression,
    LaunchArgument,
    LaunchEntry,
    PointerArgument,
    ScalarArgument,
    VariantEntry,
)
from helion_runtime.recompiling.worker import ALIGNMENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion_compiler.building.specialization import Specialization
    from helion_compiler.emission import EmittedKernel
    from helion_compiler.emission.parameters import KernelParameter
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size
    from helion_compiler.scheduling import Schedule

_INT32 = 1 << 31


def make_variant(
    schedule: Schedule,
    emitted: EmittedKernel,
    specialization: Specialization,
    kernel: str,
    aligned: frozenset[int],
    *,
    reserved_sms: int = 0,
) -> VariantEntry:
    """The variant that launches ``kernel``, the name of its entry, for calls that fit the specialization."""
    program = schedule.program
    descriptors = [p for p in emitted.parameters if isinstance(p, DescriptorParameter)]
    arguments = tuple(
        _argument(schedule, parameter, type_, descriptors)
        for parameter, type_ in zip(emitted.parameters, specialization.types, strict=True)
    )
    return VariantEntry(
        signature=program.signature,
        guard=_without_repeats(
            (*program.guard, *program.assumptions, *_reliances(schedule, emitted, specialization))
        ),
        aligned=_aligned_arguments(program, emitted, aligned),
        steps=tuple(with_block_sizes(step, schedule) for step in program.steps),
        launches=(
            LaunchEntry(
                kernel=kernel, grid=_grid(schedule, emitted, reserved_sms), arguments=arguments
            ),
        ),
        outputs=with_block_sizes(program.outputs, schedule),
        mutates=tuple(sorted(program.written_arguments())),
    )


def _without_repeats(guards: Iterable[Expression]) -> tuple[Expression, ...]:
    return tuple({repr(guard): guard for guard in guards}.values())


def _runtime(schedule: Schedule, size: Size) -> Expression:
    return to_runtime(schedule.concrete(size), schedule.program.symbols)


def _argument(
    schedule: Schedule,
    parameter: KernelParameter,
    type_: str,
    descriptors: list[DescriptorParameter],
) -> LaunchArgument:
    match parameter:
        case BufferParameter():
            return PointerArgument(parameter.buffer.number)
        case ScalarParameter():
            return ScalarArgument(type_, schedule.program.symbols[parameter.symbol])
        case DescriptorParameter():
            return DescriptorArgument(
                buffer=parameter.buffer.number,
                layout=descriptors.index(parameter),
                shape=tuple(
                    _runtime(schedule, parameter.buffer.shape[dim]) for dim in parameter.order
                ),
                strides=tuple(
                    _runtime(schedule, parameter.buffer.strides[dim]) for dim in parameter.order
                ),
            )


def _grid(
    schedule: Schedule, emitted: EmittedKernel, reserved_sms: int
) -> tuple[Expression, Expression, Expression]:
    x, y, z = (_runtime(schedule, extent) for extent in emitted.grid)
    if not emitted.persistent:
        return (x, y, z)
    sms: Expression = ["sm_count"]
    if reserved_sms:
        sms = ["max", 1, ["sub", sms, reserved_sms]]
    if schedule.sm_multiplier > 1:
        sms = ["mul", sms, schedule.sm_multiplier]
    return (["min", x, sms], y, z)


def _reliances(
    schedule: Schedule, emitted: EmittedKernel, specialization: Specialization
) -> list[Expression]:
    """What the source and Triton assume beyond the Program: divisors, 32-bit ranges, rows that fit
    their block.
    """
    program = schedule.program
    guards: list[Expression] = []
    for parameter, type_, divisible in zip(
        emitted.parameters, specialization.types, specialization.divisible, strict=True
    ):
        if isinstance(parameter, ScalarParameter):
            value = program.symbols[parameter.symbol]
            if divisible:
                guards.append(["eq", ["mod", value, ALIGNMENT], 0])
            if type_ == "i32":
                guards.append(["lt", value, _INT32])
    guards += [["lt", _runtime(schedule, limit), _INT32] for limit in emitted.limits]
    guards += [
        ["le", _runtime(schedule, extent), MAX_PROGRAMS_BESIDE]
        for extent in emitted.grid[1:]
        if not isinstance(schedule.concrete(extent), int)
    ]
    for axis in program.whole_axes():
        extent = schedule.concrete(axis.extent)
        if not isinstance(extent, int):
            guards.append(["le", _runtime(schedule, extent), schedule.axis_lanes(axis)])
    return guards


def _aligned_arguments(
    program: Program, emitted: EmittedKernel, aligned: frozenset[int]
) -> tuple[int, ...]:
    """The arguments whose alignment the binary relies on."""
    used = {
        parameter.buffer.root
        for parameter in emitted.parameters
        if not isinstance(parameter, ScalarParameter)
        and parameter.buffer.root < len(program.arguments)
        and (
            isinstance(parameter, DescriptorParameter)
            or is_aligned(program, parameter.buffer, aligned)
        )
    }
    return tuple(sorted(used & aligned))


def aligned_leaves(leaves: tuple[object, ...]) -> frozenset[int]:
    """Which arguments start at a multiple of 16 bytes; fakes, which have no address, count as if they did."""
    return frozenset(
        position
        for position, leaf in enumerate(leaves)
        if isinstance(leaf, torch.Tensor) and _is_aligned(leaf)
    )


def _is_aligned(tensor: torch.Tensor) -> bool:
    from helion_compiler.torch_bridge.symbolic import is_fake  # only tensors ask for it

    return is_fake(tensor) or tensor.data_ptr() % ALIGNMENT == 0
