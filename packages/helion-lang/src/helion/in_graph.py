"""What Dynamo meets when it traces a call of a kernel: a function that it puts into its graph without looking inside.

In: what runs a kernel. Out: that function, and another that tells Dynamo of it. Whoever carries the graph out (the
tracers behind Dynamo, with fake tensors, or plain Python with tensors) calls the kernel's backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

_RUN_WHILE_TRACING = "_dynamo_marked_constant"
"""What ``torch.compiler.assume_constant_result`` marks a function with. Calling it would load Dynamo, seconds for
programs that never compile anything."""


@attrs.frozen(eq=False)
class InGraph:
    """``call`` is what goes into graphs; ``allow()`` says so to the Dynamo that is tracing."""

    call: Callable[..., Any]
    allow: Callable[[], bool]


def in_graph(run: Callable[..., Any]) -> InGraph:
    """``run`` for graphs. It gets the kernel's arguments by position."""

    def call(*args: Any) -> Any:
        return run(*args)

    def allow() -> bool:
        from torch.compiler import allow_in_graph  # loads Dynamo, which is calling

        allow_in_graph(call)  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        return True

    setattr(allow, _RUN_WHILE_TRACING, True)
    return InGraph(call, allow)
