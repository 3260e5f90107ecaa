"""A launch of a Triton kernel as a Workload.

In: a launch, what may be added to it, and an oracle. Each point is compiled in a worker thread, checked and timed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.blueprint import Blueprint, Call
from helion_autotune.triton_kernels.isolated import MAKER, OPENER, Job, Payload, path_of
from helion_autotune.triton_kernels.launch import Launch, Measure, check_and_time, grid_of

if TYPE_CHECKING:
    from helion_autotune.point import Point
    from helion_autotune.trial import Measurement
    from helion_autotune.triton_kernels.candidates import Candidates
    from helion_autotune.triton_kernels.oracle import Oracle


@attrs.frozen(eq=False)
class TritonWorkload:
    """See :class:`helion_autotune.IsolableWorkload`; a candidate is the point itself, compiled in Triton's own cache.

    ``owner`` is the tuned kernel, which workers find again by its name.
    """

    launch: Launch
    candidates: Candidates
    oracle: Oracle
    timer: Measure
    owner: Any = None

    def compile(self, point: Point) -> Point:
        """Compile without launching. Configs with hooks, which may change the arguments, wait for their turn."""
        if self.launch.device is not None and self.candidates.pre_hook(point) is None:
            with self.launch.on_device():
                self.launch.run(self.candidates.options(point), None, warmup=True)
        return point

    def measure(self, candidate: Point, incumbent_ms: float | None) -> Measurement:
        """Check and time in this process."""
        return check_and_time(
            self.launch,
            self.candidates.options(candidate),
            self.candidates.pre_hook(candidate),
            self.oracle,
            self.timer,
            incumbent_ms,
        )

    def blueprint(self) -> Blueprint:
        """Workers import the module that the kernel is in, and launch with copies of the arguments.

        Raises NotPortableError where the kernel is not found by its name: in the main program, or made by a function.
        """
        device = self.launch.device
        opening = Call(OPENER, (path_of(self.owner), device, _model(device)))
        return Blueprint(MAKER, self._payload, ("torch", "triton"), opening, device or 0)

    def job(self, candidate: Point) -> Job:
        """The point, and the grid for it, as grids are most often functions that live only here."""
        return Job(candidate.to_json(), grid_of(self.launch, self.candidates.options(candidate)))

    def _payload(self) -> Payload:
        from helion_autotune.isolation.tensors import Packed  # needs what Linux has

        launch, told = self.launch, self.oracle.told
        return Payload(
            path_of(self.owner),
            Packed((*launch.args, *launch.meta.values(), *told.values())),
            len(launch.args),
            tuple(launch.meta),
            tuple(told),
            launch.device,
        )


def _model(device: int | None) -> str:
    """The name of the GPU with this index."""
    if device is None:
        return ""
    import torch

    return torch.cuda.get_device_name(device)
