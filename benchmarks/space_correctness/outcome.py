"""What came of one config of one kernel."""

from __future__ import annotations

from typing import Any, Literal

import attrs

Kind = Literal[
    "equal", "not run", "refused", "slow to compile", "wrong", "error", "timeout", "crash"
]
"""Not run: compiled for targets alone. Refused: by an error of ours that says why, before anything ran. Slow to
compile: given up on before it ran. Error: by any other. The last two end a process."""

FAILURES = ("slow to compile", "wrong", "error", "timeout", "crash")
COMPILED = "ok"
EXCLUDED = "excluded: "
"""How what a target says begins where a constraint of ours rules the config out before it runs."""


def is_failure(answer: str) -> bool:
    """Whether a target's answer is neither that it compiles nor a reason of ours."""
    return answer != COMPILED and not answer.startswith(EXCLUDED)


@attrs.frozen
class Outcome:
    """One draw.

    Attributes:
        case: the case of the gallery, with its number.
        draw: which config of the case.
        kernel: the kernel's name; empty where the process ended before that was known.
        call: the sizes and the dtype that it was called with.
        kind: what happened.
        detail: why.
        config: what was drawn.
        targets: for each target :data:`COMPILED`, why it is excluded, or why it does not compile.
        instead: for each target whose space does not have the config: why, and which of its own it compiled.
        commit: what was tried, as git names it; None where no git knows.
        seconds: how long the kernel took for each target, and "run" for running and comparing it.
    """

    case: str
    draw: int
    kernel: str
    call: str
    kind: Kind
    detail: str = ""
    config: dict[str, Any] | None = None
    targets: dict[str, str] = attrs.field(factory=dict)
    instead: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    commit: str | None = None
    seconds: dict[str, float] = attrs.field(factory=dict, eq=False)

    @property
    def refusal(self) -> str:
        """The class of the error that refused it."""
        return self.detail.partition(":")[0]
