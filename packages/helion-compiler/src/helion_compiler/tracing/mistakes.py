"""The other mistakes of a kernel that has one: it is traced again, with each of its statements guarded.

In: the error that ended a trace, and what is needed for another. Out: that error, or one that holds it and the others.
Nothing that is made here is used but the errors: see docs/decisions/0011.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from helion.exc import several
from helion_compiler.staging import stage
from helion_compiler.tracing.guarded_control import (
    OURS,
    Abandoned,
    Enough,
    GuardedControl,
    identity,
)
from helion_compiler.tracing.run_staged import run_staged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion import exc
    from helion_compiler.staging import StagedFunction
    from helion_compiler.tracing.arguments import Call
    from helion_compiler.tracing.state import Trace


def every_mistake(
    first: exc.HelionError,
    staged: StagedFunction,
    call: Call,
    state: Trace,
    fakes: Sequence[Any],
) -> exc.HelionError:
    """``first``, or an error that holds all independent ones.

    ``state`` and ``fakes`` are those of a new trace; ``first`` has ended one with the same call.
    """
    if isinstance(first, OURS):
        return first
    guarded = GuardedControl(state, staged.filename)
    with suppress(Enough):
        try:
            again = stage(staged.function, guarded=True)
            run_staged(again, call, state, guarded, fakes, guards=guarded)
        except Abandoned:
            pass
        except Exception as error:  # noqa: BLE001  # recorded, or ends the run
            guarded.record(error)
    found = guarded.found
    known = identity(first)
    return several(list(found.values())) if known in found and len(found) > 1 else first
