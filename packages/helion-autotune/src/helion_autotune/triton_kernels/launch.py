"""One launch of a hand-written kernel, and what is done with it for each candidate.

In: the kernel, its arguments and grid. Out: launches with the options of a candidate, checked and timed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.trial import Measurement
from helion_autotune.triton_kernels.keys import innermost

if TYPE_CHECKING:
    from helion_autotune.triton_kernels.candidates import Hook
    from helion_autotune.triton_kernels.oracle import Oracle

#: Times a callable: ``measure(fn, give_up_over_ms=..., before=...)``, as ``measure_milliseconds`` does.
Measure = Callable[..., Measurement]


@attrs.frozen(eq=False)
class Launch:
    """One call of a kernel, but for what the tuner adds to it. ``device``: the index of the GPU, None without one."""

    kernel: Any
    args: tuple[Any, ...]
    meta: Mapping[str, Any]
    named: Mapping[str, Any]
    grid: Any
    device: int | None

    def run(self, options: Mapping[str, Any], hook: Hook | None, *, warmup: bool = False) -> Any:
        """Launch with these options; with ``warmup``, only compile."""
        if hook is not None:
            hook({**self.named, **options})
        return self.kernel.run(*self.args, grid=self.grid, warmup=warmup, **self.meta, **options)

    def on_device(self) -> AbstractContextManager[object]:
        """Makes the launch's GPU the current one: a new thread starts on the first."""
        if self.device is None:
            return nullcontext()
        import torch

        return torch.cuda.device(self.device)


def check_and_time(
    launch: Launch,
    options: Mapping[str, Any],
    hook: Hook | None,
    oracle: Oracle,
    timer: Measure,
    incumbent_ms: float | None,
) -> Measurement:
    """Check, then time; tensors declared by ``restore_value`` and ``reset_to_zero`` are set up untimed."""

    def run() -> None:
        launch.run(options, hook)

    with launch.on_device():
        oracle.judge(run)
        before = oracle.set_up if oracle.needs_set_up else None
        return timer(run, give_up_over_ms=incumbent_ms, before=before)


def grid_of(launch: Launch, options: Mapping[str, Any]) -> tuple[int, ...]:
    """The grid for a candidate: a callable one is asked with the arguments by name, as Triton asks it.

    Defaults of the kernel's arguments count, and what ``@triton.heuristics`` adds.
    """
    if not callable(launch.grid):
        return tuple(launch.grid)
    parameters = inspect.signature(innermost(launch.kernel).fn).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    named = {**defaults, **launch.named, **options}
    decorated = launch.kernel
    while not inspect.isfunction(decorated):
        for name, heuristic in getattr(decorated, "values", {}).items():
            named[name] = heuristic(named)
        decorated = decorated.fn
    return tuple(int(extent) for extent in launch.grid(named))
