"""Run in a process that finds PyTorch's Helion: kernels by their sources, each called once.

python -m benchmarks.serving_first_calls.peer_program find|time KERNELS.json DEVICE

``find`` runs each kernel at the config of the build file, or at the default that the peer has for it. It prints a line
when it is ready, and one for each kernel as soon as that is known: its config, or why it does not run. ``time`` takes
those configs, as fixed ones, and prints the seconds of importing and of each first call. What the peer prints itself
goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import torch

from benchmarks.serving_first_calls.arguments import made, wait
from benchmarks.suite.examples import load_file

if TYPE_CHECKING:
    from collections.abc import Callable


def main(mode: str, path: str, device: str) -> None:
    """Answer on what was standard output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    kernels = json.loads(Path(path).read_text(encoding="utf-8"))
    torch.zeros(1, device=device)
    wait(device)
    {"find": find, "time": timed}[mode](kernels, device, answers)


def find(kernels: list[dict[str, Any]], device: str, answers: TextIO) -> None:
    """A line, and one for each kernel. Ends with the first error that leaves the GPU unusable."""
    print("{}", file=answers, flush=True)
    for kernel in kernels:
        try:
            args = [made(item, device) for item in kernel["args"]]
            config = _config(kernel, args)
            _fixed(kernel, config)(*args)
            wait(device)
            found: dict[str, Any] = {"config": config}
        except Exception as error:  # noqa: BLE001  # whatever it raises is its answer
            found = {"refused": f"{type(error).__name__}: {error}"[:2000]}
        print(json.dumps(found), file=answers, flush=True)
        wait(device)


def timed(kernels: list[dict[str, Any]], device: str, answers: TextIO) -> None:
    """Seconds from the import to the end of each call."""
    began = time.perf_counter()
    import helion  # noqa: F401  # what is timed

    for kernel in kernels:
        load_file(Path(kernel["file"]))
    loaded = time.perf_counter()
    calls = []
    for kernel in kernels:
        args = [made(item, device) for item in kernel["args"]]
        wait(device)
        before = time.perf_counter()
        _fixed(kernel, kernel["config"])(*args)
        wait(device)
        calls.append(time.perf_counter() - before)
    print(json.dumps({"load": loaded - began, "warm": 0.0, "calls": calls}), file=answers)


def _config(kernel: dict[str, Any], args: list[Any]) -> dict[str, Any]:
    """The config of the build file, or the peer's default for these arguments."""
    import helion

    given: dict[str, Any] | None = kernel["config"]
    if given is not None:
        return given
    made: Any = helion.kernel(_function(kernel), static_shapes=kernel["static_shapes"])
    default = made.bind(tuple(args)).config_spec.default_config()
    found: dict[str, Any] = json.loads(default.to_json())
    return found


def _fixed(kernel: dict[str, Any], config: dict[str, Any]) -> Callable[..., Any]:
    import helion

    made: Any = helion.kernel(
        _function(kernel), config=helion.Config(**config), static_shapes=kernel["static_shapes"]
    )
    run: Callable[..., Any] = made
    return run


def _function(kernel: dict[str, Any]) -> Any:
    return getattr(load_file(Path(kernel["file"])), kernel["function"]).fn


if __name__ == "__main__":
    main(*sys.argv[1:])
