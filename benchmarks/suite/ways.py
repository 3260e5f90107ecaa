"""The ways of running a case, each from a situation to something that can be timed."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from benchmarks.suite.examples import eager_of, kernel_of
from benchmarks.suite.peer_process import PeerProcess
from benchmarks.suite.situation import Ready, RefusedError, Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TUNED = "ours_tuned"
_NOTES = 5


def ours_default(situation: Situation) -> Ready:
    """Our kernel at the config that the model of the device chooses."""
    import helion  # absent where only the peer's is found

    kernel: Any = helion.kernel(kernel_of(situation.case).fn, autotune_effort="none")
    config = kernel.bind(situation.args).config_spec.default_config()
    return _fixed(situation, config)


def ours_tuned(situation: Situation) -> Ready:
    """Our kernel at the config that a search finds in the task's seconds, or at a stored one."""
    import helion

    task = situation.task
    if task.config is not None:
        return _fixed(situation, helion.Config.from_dict(task.config))
    cache = task.folder / "tuning" / task.case
    kernel: Any = helion.kernel(kernel_of(situation.case).fn, autotune_cache=str(cache))
    records = cache / f"{kernel.name}.jsonl"
    earlier = len(_trials(records))
    began = time.monotonic()
    config = kernel.autotune(situation.args, seconds=task.seconds)
    seconds = round(time.monotonic() - began, 3)
    situation.tuned[TUNED] = plain(config)
    trials = _trials(records)[earlier:]
    wrong = [f"{one['error']}: {one['point']}" for one in trials if one["status"] == "wrong_result"]
    return _fixed(
        situation,
        config,
        search_seconds=seconds,
        configs_tried=len(trials),
        trials=dict(Counter(one["status"] for one in trials)),
        notes=tuple(wrong[:_NOTES]),
    )


def eager(situation: Situation) -> Ready:
    """torch, operator by operator. Its result is compared, but may be as inexact as bfloat16 in between makes it."""
    function, args = eager_of(situation.case), situation.args
    comparison = situation.compared(lambda: function(*args))
    notes = (comparison.wrong,) if comparison.wrong else ()
    return Ready(
        lambda: situation.timer(lambda: function(*args)), error=comparison.error, notes=notes
    )


def compiled(situation: Situation) -> Ready:
    """The same through torch.compile, for exactly these sizes."""
    import torch

    if situation.case.uncompiled:
        raise RefusedError(situation.case.uncompiled)
    # Without CUDA graphs, which would copy the arguments before each call.
    mode = "max-autotune-no-cudagraphs" if situation.task.max_autotune else None
    function = torch.compile(eager_of(situation.case), mode=mode, dynamic=False)
    return situation.ready(lambda: function(*situation.args))


def peer(situation: Situation) -> Ready:
    """PyTorch's Helion on the same source, tuned with its quick effort in the seconds that it is given."""
    return _peer(situation, None)


def peer_our_config(situation: Situation) -> Ready:
    """The same with the config that our search found."""
    config = situation.task.config or situation.tuned.get(TUNED)
    if config is None:
        raise RefusedError("no tuned config of ours to try")
    return _peer(situation, config)


WAYS: Mapping[str, Callable[[Situation], Ready]] = {
    function.__name__: function
    for function in (ours_default, eager, compiled, ours_tuned, peer, peer_our_config)
}


def plain(config: Any) -> dict[str, Any]:
    """A config of ours as JSON has it."""
    found: dict[str, Any] = json.loads(config.to_json())
    return found


def _fixed(situation: Situation, config: Any, **known: Any) -> Ready:
    import helion

    kernel: Any = helion.kernel(kernel_of(situation.case).fn, config=config)
    args = situation.args
    return situation.ready(lambda: kernel(*args), config=plain(config), **known)


def _trials(records: Path) -> list[dict[str, Any]]:
    """The trials that searches of a kernel have recorded, also those of earlier runs with the same directory."""
    if not records.exists():
        return []
    lines = [json.loads(line) for line in records.read_text().splitlines() if line]
    return [line for line in lines if line["kind"] == "trial"]


def _peer(situation: Situation, config: dict[str, Any] | None) -> Ready:
    task = situation.task
    if task.peer is None:
        raise RefusedError("no directory of PyTorch's Helion was given")
    process = PeerProcess(task.peer)
    try:
        answer = process.ask(
            {"do": "prepare", **_told(task), "config": config},
            patience=2 * task.peer_seconds + 170,
        )
    except BaseException:
        process.close()
        raise
    return Ready(
        lambda: float(process.ask({"do": "measure"}, patience=60)["ms"]),
        error=answer["error"],
        config=answer["config"],
        search_seconds=answer.get("search_seconds"),
        configs_tried=answer.get("configs_tried"),
        close=process.close,
    )


def _told(task: Any) -> dict[str, Any]:
    told = {name: getattr(task, name) for name in ("case", "device", "sizes")}
    return {**told, "seconds": task.peer_seconds}
