"""The kernel: it makes room in shared memory, sets barriers, and starts the roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.emission.emitted import (
    EmittedKernel,
    emit_dependent_launch,
    preamble,
    programs_of,
)
from helion_compiler.emission.grid import plan_grids
from helion_compiler.emission.roles.computing import emit_computing
from helion_compiler.emission.roles.context import RoleContext
from helion_compiler.emission.roles.copying import emit_copying
from helion_compiler.emission.roles.memory import plan_memory
from helion_compiler.program.ops import Store
from helion_compiler.scheduling.warp_roles import GROUP_WARPS

if TYPE_CHECKING:
    from helion_compiler.emission.roles.memory import Memory
    from helion_compiler.scheduling.schedule import Schedule
    from helion_compiler.scheduling.warp_roles import WarpRoles

_IMPORTS = (
    "from triton.experimental import gluon",
    "from triton.experimental.gluon import language as gl",
    "from triton.experimental.gluon.language.nvidia.hopper import fence_async_shared, mbarrier, tma",
    "from triton.experimental.gluon.language.nvidia.hopper import warpgroup_mma, warpgroup_mma_wait",
)
_REGISTERS = 240
"""A computing thread's where there are two groups, whose even share would be 168."""
_REGISTERS_OF_ONE = 232
_COPY_REGISTERS = 24
_DECORATOR = "gluon.jit"


def emit_roles(schedule: Schedule, roles: WarpRoles, *, origin_lines: bool) -> EmittedKernel:
    """The source of a schedule whose warps have roles."""
    context = RoleContext(schedule, roles, origin_lines=origin_lines)
    context.lines |= dict.fromkeys(_IMPORTS)
    name = context.writer.name(schedule.program.name)
    (plan,) = plan_grids(schedule)
    stored = [
        op
        for op in roles.after
        if isinstance(op, Store) and schedule.access_modes[op.name] == "tensor_descriptor"
    ]
    memory = plan_memory(context, stored)
    computing = emit_computing(context, plan, memory)
    copying = emit_copying(context, plan, memory)
    parameters = context.parameters()
    given = [*(parameter.name for parameter in parameters), *memory.names()]
    computes, copies = (context.writer.name(f"{name}_{role}") for role in ("computing", "copying"))
    texts = [
        _function(computes, [*given, f"{context.group}: gl.constexpr"], computing),
        _function(copies, given, copying),
    ]
    _emit_kernel(context, memory, (computes, copies), given)
    kernel = _function(name, [parameter.name for parameter in parameters], context.writer.text())
    return EmittedKernel(
        name=name,
        source=preamble(context, _DECORATOR) + "\n\n".join([*texts, kernel]),
        parameters=parameters,
        grid=programs_of([plan], schedule.program_ids),
        persistent=schedule.program_ids not in ("flat", "xyz"),
        waits=False,
        follows_addresses=False,
        limits=tuple(context.limits.values()),
    )


def _function(name: str, parameters: list[str], body: str) -> str:
    return f"@{_DECORATOR}\ndef {name}({', '.join(parameters)}):\n{body}"


def _emit_kernel(
    context: RoleContext, memory: Memory, functions: tuple[str, str], given: list[str]
) -> None:
    """The body of the kernel."""
    schedule, line = context.schedule, context.writer.line
    for blocks in memory.all_blocks():
        line(blocks.allocation())
    ready, free, kept_ready, kept_free = memory.barriers
    buffers, groups = schedule.num_stages, schedule.groups
    counts = {
        ready: (buffers, 1),
        free: (buffers, groups),
        kept_ready: (1, 1),
        kept_free: (1, groups),
    }
    for name, (number, _) in counts.items():
        line(
            f"{name} = gl.allocate_shared_memory(gl.int64, [{number}, 1], mbarrier.MBarrierLayout())"
        )
    for name, (number, arrivals) in counts.items():
        for place in range(number):
            line(f"mbarrier.init({name}.index({place}), count={arrivals})")
    line("fence_async_shared()")
    if schedule.dependent_launch:
        emit_dependent_launch(context)
    computing, copying = functions
    arguments = ", ".join(given)
    # A group's number stands in the call: a name would make a value of the device of it.
    roles = [f"({computing}, ({arguments}, {group}))" for group in range(groups)]
    roles.append(f"({copying}, ({arguments}))")
    registers = _REGISTERS if groups > 1 else _REGISTERS_OF_ONE
    line("gl.warp_specialize(")
    with context.writer.indented():
        line(f"[{', '.join(roles)}],")
        line(f"{[*[GROUP_WARPS] * (groups - 1), 1]},")
        line(f"{[*[registers] * (groups - 1), _COPY_REGISTERS]},")
    line(")")
