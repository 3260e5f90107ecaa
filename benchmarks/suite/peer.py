"""Run by :mod:`benchmarks.suite.peer_process`: one kernel by PyTorch's Helion, prepared and timed on request.

The language is the same, so the source is, too; what the peer refuses is answered in its own words.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from benchmarks.suite.cases import named
from benchmarks.suite.comparing import compare
from benchmarks.suite.examples import expected_of, kernel_of
from benchmarks.suite.measuring import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.suite.case import Case


class Peer:
    """The kernel of this process, once it is prepared."""

    def __init__(self) -> None:
        self._run: Callable[[], Any] | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one line."""
        return self.prepare(request) if request["do"] == "prepare" else self.measure()

    def prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        """Choose a config, run it, and compare."""
        case = named(request["case"])
        args = case.make(request["device"], request["sizes"])
        try:
            run, config, search = _kernel(case, args, request["seconds"], request["config"])
            results = run()
        except Exception as error:  # noqa: BLE001  # whatever it raises is its answer
            traceback.print_exc()
            return {"refused": f"{type(error).__name__}: {error}"[:2000]}
        comparison = compare(results, expected_of(case)(*args))
        if comparison.wrong:
            return {"wrong": comparison.wrong}
        self._run = run
        return {"config": config, "error": comparison.error, **search}

    def measure(self) -> dict[str, Any]:
        """Time a turn."""
        assert self._run is not None
        return {"ms": milliseconds(self._run)}


def _kernel(
    case: Case, args: tuple[Any, ...], seconds: float, given: dict[str, Any] | None
) -> tuple[Callable[[], Any], Any, dict[str, Any]]:
    """A call of the kernel, the config that it has, and what the search for that took, if there was one."""
    import helion

    function = kernel_of(case).fn
    took: dict[str, Any] = {}
    if given is not None:
        config: Any = helion.Config(**given)
        kernel: Any = helion.kernel(function, config=config)
    else:
        search: Any = {"autotune_effort": "quick", "autotune_budget_seconds": max(int(seconds), 1)}
        kernel = helion.kernel(function, **search)
        config, took = _searched(lambda: kernel.autotune(args, force=True))
    return lambda: kernel(*args), json.loads(json.dumps(dict(config), default=str)), took


def _searched(search: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """What a search finds, how long it takes, and how many configs it has run by the peer's own count.

    Configs that do not compile are not in that count, which is None for a peer that tells nobody.
    """
    counts: list[int] = []

    def tell(metrics: Any) -> None:
        counts.append(metrics.num_configs_tested)

    try:
        hooks = importlib.import_module("helion.autotuner.metrics")
        hooks.register_post_autotune_hook(tell)
    except (ImportError, AttributeError) as error:
        print(f"the peer does not say how many configs it tries: {error}", file=sys.stderr)
    began = time.monotonic()
    found = search()
    seconds = round(time.monotonic() - began, 3)
    return found, {"search_seconds": seconds, "configs_tried": sum(counts) if counts else None}


def main() -> None:
    """Answer lines of standard input; what the peer prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    peer = Peer()
    for line in sys.stdin:
        print(json.dumps(peer.answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
