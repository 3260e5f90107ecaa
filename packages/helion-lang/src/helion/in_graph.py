"""What Dynamo meets when it traces a call of a kernel: a function that it puts into its graph without looking inside.

In: what runs a kernel. Out: a function that Dynamo follows down to that one. Whoever carries the graph out (the tracers
behind Dynamo, with fake tensors, or plain Python with tensors) calls the kernel's backend.

A graph holds no functions, so those among the arguments are kept beside it. Dynamo looks at the code of a function
alone to tell whether it is still the one that it has traced with: what else a function may hold is refused. Nor do
calls in a graph return dicts: their values are returned, and put under their names behind the call.
"""

from __future__ import annotations

import threading
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

from helion.exc import TracedFunctionCaptures

if TYPE_CHECKING:
    from collections.abc import Callable

_FUNCTIONS = (FunctionType, BuiltinFunctionType)
_SEPARATOR = "\0"
_RUN_WHILE_TRACING = "_dynamo_marked_constant"
"""What ``torch.compiler.assume_constant_result`` marks a function with. Calling it would load Dynamo, seconds for
programs that never compile anything."""


def in_graph(run: Callable[..., Any]) -> Callable[..., Any]:
    """What Dynamo is to trace in place of ``run(*args)``."""
    kept: list[tuple[Any, ...]] = []
    last = threading.local()  # graphs of other threads may run meanwhile

    def call(place: int, *args: Any) -> Any:
        """In the graph: ``run`` with the functions that are kept at ``place``."""
        functions = kept[place]
        found = run(
            *(
                value if function is None else function
                for function, value in zip(functions, args, strict=True)
            )
        )
        last.names = _SEPARATOR.join(found) if type(found) is dict else ""
        return tuple(found.values()) if type(found) is dict else found

    def keep(*functions: Any) -> int:
        """Run while Dynamo traces: tell it of ``call``, and say where the functions are kept."""
        from torch.compiler import allow_in_graph  # loads Dynamo, which is calling

        allow_in_graph(call)  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        for function in functions:
            _refuse_captures(function)
        if functions not in kept:
            kept.append(functions)
        return kept.index(functions)

    def named() -> str:
        """Run while Dynamo traces, when it has just tried the call out: the names of a dict, or nothing."""
        names: str = last.names
        return names

    for function in (keep, named):
        setattr(function, _RUN_WHILE_TRACING, True)

    def traced(*args: Any) -> Any:
        place = keep(*[value if isinstance(value, _FUNCTIONS) else None for value in args])
        found = call(place, *[None if isinstance(value, _FUNCTIONS) else value for value in args])
        own = named()
        return dict(zip(own.split(_SEPARATOR), found, strict=True)) if own else found

    return traced


def _refuse_captures(function: object) -> None:
    if isinstance(function, FunctionType) and (
        function.__closure__ or function.__defaults__ or function.__kwdefaults__
    ):
        raise TracedFunctionCaptures(function=function.__qualname__)
