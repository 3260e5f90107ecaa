"""A launch of a Triton kernel as a Workload.

In: the kernel, its arguments and grid. Each point is compiled in a worker thread, checked by the oracle and timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.trial import Measurement

if TYPE_CHECKING:
    from helion_autotune.point import Point
    from helion_autotune.triton_kernels.candidates import Candidates, Hook
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


@attrs.frozen(eq=False)
class TritonWorkload:
    """See :class:`helion_autotune.Workload`; a candidate is the point itself, compiled in Triton's own cache."""

    launch: Launch
    candidates: Candidates
    oracle: Oracle
    timer: Measure

    def compile(self, point: Point) -> Point:
        """Compile without launching. Configs with hooks, which may change the arguments, wait for their turn."""
        if self.launch.device is not None and self.candidates.pre_hook(point) is None:
            with self.launch.on_device():
                self.launch.run(self.candidates.options(point), None, warmup=True)
        return point

    def measure(self, candidate: Point, incumbent_ms: float | None) -> Measurement:
        """Check, then time; tensors declared by ``restore_value`` and ``reset_to_zero`` are set up untimed."""
        options, hook = self.candidates.options(candidate), self.candidates.pre_hook(candidate)

        def run() -> None:
            self.launch.run(options, hook)

        with self.launch.on_device():
            self.oracle.judge(run)
            before = self.oracle.set_up if self.oracle.needs_set_up else None
            return self.timer(run, give_up_over_ms=incumbent_ms, before=before)
