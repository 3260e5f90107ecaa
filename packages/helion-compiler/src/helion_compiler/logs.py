"""Logs by stage: what each stage made, written to standard error where the setting ``logs`` asks for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from helion import exc
from helion_compiler.emission import EmittedKernel
from helion_compiler.program.printer import print_program
from helion_compiler.program.program import Program
from helion_compiler.scheduling import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

STAGES = ("trace", "passes", "schedule", "emit", "build")


def observer(logs: str | None) -> Callable[[str, Any], None] | None:
    """What the pipeline calls after each stage; None where nothing is to be logged.

    Raises:
        helion.exc.InvalidSetting: ``logs`` names a stage that there is none of.
    """
    if not logs:
        return None
    wanted = {name.strip() for name in logs.split(",") if name.strip()}
    unknown = wanted - {*STAGES, "all"}
    if unknown:
        raise exc.InvalidSetting(
            setting="logs",
            value=repr(logs),
            problem=f"there is no stage {', '.join(sorted(unknown))}",
            allowed=f"name some of {', '.join(STAGES)}, or all",
        )

    def observe(stage: str, made: Any) -> None:
        kind = stage if stage in STAGES else "passes"
        if kind in wanted or "all" in wanted:
            print(f"[helion {stage}]\n{_text(made)}", file=sys.stderr, flush=True)

    return observe


def _text(made: Any) -> str:
    match made:
        case Program():
            return print_program(made)
        case Schedule():
            return _schedule(made)
        case EmittedKernel():
            return made.source
        case _:
            return f"{made}\n"


def _schedule(schedule: Schedule) -> str:
    """The choices of a schedule, and its Program where rolling has changed it."""
    names = {block.symbol: block.name for block in schedule.program.blocks}
    blocks = ", ".join(
        f"{names.get(symbol, symbol)}={lanes}" for symbol, lanes in schedule.block_sizes.items()
    )
    lines = [
        f"blocks: {blocks}",
        f"program ids: {schedule.program_ids}",
        *(f"grid: {grid}" for grid in schedule.grids),
        *(f"{name}: {mode}" for name, mode in schedule.access_modes.items()),
        f"options: {', '.join(f'{name}={value}' for name, value in schedule.compile_options.items())}",
    ]
    return "\n".join(lines) + "\n" + print_program(schedule.program)
