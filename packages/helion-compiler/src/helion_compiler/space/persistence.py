"""What persistent kernels alone have: programs per multiprocessor, and a limit of registers to make room for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_autotune import Choice, Integer, PowerOfTwo
from helion_autotune.constraints import Condition, Constraint
from helion_compiler.space.config_space import Exclusion
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_autotune.constraints import Predicate
    from helion_compiler.model import Limits
    from helion_compiler.program.program import Program
    from helion_compiler.space.target_traits import TargetTraits
    from helion_compiler.space.tile_counts import TileCounts

PERSISTENT = ("persistent_blocked", "persistent_interleaved")
FEW_MULTIPROCESSORS = 8
"""No GPU that is worth tuning for has fewer; up to so many tiles, one program a multiprocessor takes them all."""


def persistence(
    program: Program,
    counts: TileCounts,
    least_blocks: Mapping[str, int],
    traits: TargetTraits,
    limits: Limits,
) -> SpacePart:
    """``num_sm_multiplier`` and ``maxnreg``; ``least_blocks`` are the least values of the parameters of blocks,
    ``limits`` those of the target's multiprocessors.
    """
    registers = _registers(traits, limits)
    programs = _programs(program, counts, least_blocks, limits, traits.warp_size)
    return SpacePart(
        single={**programs.single, **registers.single},
        wider=programs.wider,
        conditions={**programs.conditions, **registers.conditions},
        advice=(*registers.advice, *programs.advice),
        excluded=(*programs.excluded, *registers.excluded),
    )


def _registers(traits: TargetTraits, limits: Limits) -> SpacePart:
    if traits.backend != "cuda":
        reason = "AMD's compiler takes no limit of registers; it has waves_per_eu"
        return SpacePart(excluded=(Exclusion("maxnreg", reason),))
    fits = Constraint(
        "registers of maxnreg",
        f"the threads of a program may not have more than {limits.registers} registers together",
        lambda point: (
            point["maxnreg"] is None
            or int(point["maxnreg"]) * 32 * int(point["num_warps"]) <= limits.registers
        ),
    )
    return SpacePart(
        single={"maxnreg": Choice((None, 32, 64, 128, 256), default=None)},
        conditions={"maxnreg": when_persistent()},
        advice=(fits,),
    )


def _programs(
    program: Program,
    counts: TileCounts,
    least_blocks: Mapping[str, int],
    limits: Limits,
    warp_size: int,
) -> SpacePart:
    enough = _has_enough_tiles(program, counts)
    reason = None
    if program.barrier is not None:
        reason = "the kernel has a barrier, and more programs may not all run at once"
    elif not enough(least_blocks):
        reason = "a multiprocessor has no second tile to run"
    if reason is not None:
        return SpacePart(excluded=(Exclusion("num_sm_multiplier", reason),))
    most = 1 << (limits.programs.bit_length() - 1)
    return SpacePart(
        single={"num_sm_multiplier": PowerOfTwo(1, most, default=1)},
        wider={"num_sm_multiplier": Integer(1, 128, default=1)},
        conditions={"num_sm_multiplier": _several_tiles(enough)},
        advice=(_running_at_once(limits.threads, warp_size),),
    )


def when_persistent() -> Condition:
    """The condition of what concerns the loop over tiles."""
    return Condition(
        "only a persistent kernel loops over tiles", lambda point: point["pid_type"] in PERSISTENT
    )


def _has_enough_tiles(program: Program, counts: TileCounts) -> Predicate:
    def holds(point: Mapping[str, Any]) -> bool:
        totals = [counts.of_all(grid.axes, point) for grid in program.grids]
        return any(total is None or total > FEW_MULTIPROCESSORS for total in totals)

    return holds


def _several_tiles(enough: Predicate) -> Condition:
    return Condition(
        "a persistent kernel has more tiles than multiprocessors",
        lambda point: point["pid_type"] in PERSISTENT and enough(point),
    )


def _running_at_once(threads: int, warp_size: int) -> Constraint:
    return Constraint(
        "programs at once",
        f"a multiprocessor would be given more than the {threads} threads that it runs at once",
        lambda point: (
            int(point["num_sm_multiplier"]) * warp_size * int(point["num_warps"]) <= threads
        ),
    )
