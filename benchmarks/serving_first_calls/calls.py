"""What is called, as JSON values: processes that import nothing of ours make the same arguments."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import helion_runtime
from benchmarks.serving_first_calls.arguments import described

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from helion_compiler import BuildRequest


def of_a_bundle(requests: Sequence[BuildRequest], bundle: Path) -> list[Any]:
    """Each op with the arguments that it takes: constants of the kernel are not among them."""
    ops = helion_runtime.load(bundle).ops
    rows = []
    for request in requests:
        names = tuple(inspect.signature(request.kernel.fn).parameters)
        values = dict(zip(names, request.normalized_args(), strict=False))
        rows.append((request.op, [described(values[name]) for name in ops[request.op].arguments]))
    return rows


def of_sources(requests: Sequence[BuildRequest]) -> list[dict[str, Any]]:
    """Each kernel's file, name, arguments, and what the build file decides about it."""
    return [
        {
            "op": request.op,
            "file": inspect.getsourcefile(request.kernel.fn),
            "function": request.kernel.fn.__name__,
            "args": [described(value) for value in request.normalized_args()],
            "config": None if request.config is None else dict(request.config),
            "static_shapes": request.static_shapes is not False,
        }
        for request in requests
    ]
