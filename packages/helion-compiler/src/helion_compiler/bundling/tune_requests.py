"""Tune what a build will ask for: requests in, entries of a lock file out. Takes the GPU that the results are for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.building import parse_target, target_of_device
from helion_compiler.bundling.example_arguments import on_device
from helion_compiler.tuning.worker_source import WorkerSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion import Config
    from helion_compiler.building import Target
    from helion_compiler.bundling.request import BuildRequest


@attrs.frozen
class TunedRequest:
    """What came of a request: a config, or why none was looked for."""

    op: str
    config: Config | None
    skipped: str = ""


def tune_requests(
    requests: Sequence[BuildRequest],
    lock: str | os.PathLike[str],
    *,
    targets: Sequence[str] = (),
    force: bool = False,
    seconds: float | None = None,
    evaluations: int | None = None,
    progress: Callable[[TunedRequest], None] | None = None,
) -> tuple[TunedRequest, ...]:
    """Search for the fastest config of each request on this machine's GPU, and write it into ``lock``.

    What the lock file has is not searched for again. Requests with a config of their own, and such as are not for
    this GPU, are skipped. Example arguments without data are filled: floats are normally distributed, integers zero.
    Build with the same lock file, on any machine.

    Args:
        requests: what will be built.
        lock: a lock file; written to after each search, and made if there is none.
        targets: architectures for requests that name none; without any, requests are tuned for whatever GPU this is.
        force: search again for what the lock file has.
        seconds: for each search; by default as the kernel's settings say.
        evaluations: configs to measure at most, for each search.
        progress: told of each request as it is finished.

    Raises:
        helion.exc.HelionError: there is no GPU, or a kernel cannot be traced, or nothing of it runs.
    """
    device = torch.device("cuda")
    target = target_of_device(device)
    device = torch.device("cuda", torch.cuda.current_device())
    limits = {"seconds": seconds, "evaluations": evaluations}
    options = {name: limit for name, limit in limits.items() if limit is not None}
    workers = WorkerSource()  # one for all, since beginning them takes a while
    finished = []
    for request in requests:
        reason = why_not_tuned(request, target, targets)
        config = None if reason else _tune(request, lock, device, workers, force=force, **options)
        finished.append(TunedRequest(request.op, config, reason))
        if progress is not None:
            progress(finished[-1])
    return tuple(finished)


def why_not_tuned(request: BuildRequest, target: Target, targets: Sequence[str]) -> str:
    """Why there is nothing to tune for a GPU of ``target``; empty where there is."""
    given = request.given_config()
    if given is not None:
        return given.origin
    wanted = request.targets if request.targets is not None else tuple(targets)
    if wanted and target.traits not in [parse_target(name).traits for name in wanted]:
        return f"for {', '.join(wanted)}, and this GPU is of {target.name}"
    return ""


def _tune(
    request: BuildRequest,
    lock: str | os.PathLike[str],
    device: torch.device,
    workers: WorkerSource,
    **options: Any,
) -> Config:
    compiled = request.compiled(workers=workers, autotune_lock=os.fspath(lock))
    function: Any = request.kernel.fn
    args = on_device(function, request.normalized_args(), device)
    return compiled.bind(args).autotune(args, **options)
