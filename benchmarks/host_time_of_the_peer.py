"""Run by :mod:`benchmarks.host_time_of_calls` where PyTorch's Helion is found: its ``add``, beside eager ``x + y``.

One line of JSON is read, ``{"device", "shape", "config"}``, and one answered: ``{"microseconds": {...}}``, or
``{"refused": ...}`` with the peer's own words.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.suite.examples import load
from benchmarks.turns import in_turns

if TYPE_CHECKING:
    from collections.abc import Callable


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The median microseconds of a call in each way."""
    import helion

    x, y = (
        torch.randn(request["shape"], device=request["device"], dtype=torch.bfloat16)
        for _ in range(2)
    )
    try:
        kernel: Any = helion.kernel(load("add").add.fn, config=helion.Config(**request["config"]))
        torch.testing.assert_close(kernel(x, y), x + y)
    except Exception as error:  # noqa: BLE001  # whatever it raises is its answer
        return {"refused": f"{type(error).__name__}: {error}"[:2000]}
    ways: dict[str, Callable[[], object]] = {
        "the kernel add": partial(kernel, x, y),
        "eager x + y": lambda: x + y,
    }
    return {"microseconds": in_turns(ways)}


def main() -> None:
    """Answer the line; what the peer prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print(json.dumps(answer(json.loads(sys.stdin.readline()))), file=answers, flush=True)


if __name__ == "__main__":
    main()
