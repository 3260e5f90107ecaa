"""The GPUs of a Ray cluster as lanes of one session: ``Isolation(devices=RayGPUs())``, with ``helion-autotune[ray]``.

Each lane is a Ray actor that holds one GPU, and measures as a session on its host would: in workers forked from a
process that never touches the GPU, so that a candidate which crashes costs neither the actor nor Ray anything. The
session compiles, sends jobs to whichever lane is free, and writes the records. An actor or a host that is lost is one
lane fewer; the candidate that it had is measured by another.
"""

from __future__ import annotations

import contextlib
import pickle
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.blueprint import Blueprint
from helion_autotune.runner import CannotMeasureError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_autotune.isolation.briefing import Briefing
    from helion_autotune.isolation_limits import Isolation
    from helion_autotune.lanes import ServerKeeper
    from helion_autotune.trial import Measurement

#: How long an actor may take to let go of its workers, in seconds.
CLOSE_SECONDS = 60.0


@attrs.frozen
class RayGPUs:
    """``count`` GPUs of the cluster that this process is connected to, or that ``RAY_ADDRESS`` names; None: all it has.

    ``options`` are those of Ray's actors: what a lane reserves, by default ``{"num_gpus": 1, "num_cpus": 1}``.
    """

    count: int | None = None
    options: Mapping[str, Any] = attrs.field(factory=lambda: {"num_gpus": 1, "num_cpus": 1})

    def lanes(
        self, briefing: Briefing, isolation: Isolation, servers: ServerKeeper
    ) -> Sequence[RayLane]:
        """A lane for each; where not all are free now, the others measure as soon as they are.

        Raises CannotMeasureError without Ray, without GPUs in its cluster, and for arguments that are not on GPU 0.
        """
        del servers  # actors have their own
        ray = _ray()
        blueprint = briefing.blueprint
        if blueprint.device != 0:
            raise CannotMeasureError(
                f"the arguments are on GPU {blueprint.device}, and Ray gives each lane a GPU of its own, which is "
                f"GPU 0 there. Start this process with CUDA_VISIBLE_DEVICES={blueprint.device}"
            )
        if not ray.is_initialized():
            ray.init()
        count = int(ray.cluster_resources().get("GPU", 0)) if self.count is None else self.count
        if count < 1:
            found = int(ray.cluster_resources().get("GPU", 0))
            raise CannotMeasureError(
                f"the Ray cluster has {found or 'no'} GPUs, of which {count} are wanted"
            )
        actor = ray.remote(**self.options)(RemoteWorkers)
        told = (blueprint.maker, blueprint.imports, blueprint.opening)
        limits = attrs.evolve(isolation, devices=None, servers=None)
        message = _Sent(ray, briefing)
        return [RayLane(ray, actor.remote(*told, limits), message) for _ in range(count)]


class RemoteWorkers:
    """The actor: lives on the lane's host, in a process of Ray's that sees the lane's GPU alone."""

    def __init__(
        self, maker: str, imports: tuple[str, ...], opening: Any, isolation: Isolation
    ) -> None:
        from helion_autotune.isolation import ForkServers
        from helion_autotune.isolation.briefing import Briefing
        from helion_autotune.isolation.workers import Workers

        self._payload = b""
        self._servers = ForkServers()
        blueprint = Blueprint(maker, lambda: pickle.loads(self._payload), imports, opening)
        self._workers = Workers(Briefing(blueprint), isolation, self._servers)

    def begin(self, payload: bytes, left: float | None) -> None:
        """See ``Workers.begin``."""
        self._payload = payload
        self._workers.begin(left)

    def measure(
        self, job: bytes, incumbent_ms: float | None, left: float | None
    ) -> Measurement | Exception:
        """See ``Workers.measure``; what that raises is an answer, too."""
        try:
            return self._workers.measure(job, incumbent_ms, left)
        except Exception as error:  # noqa: BLE001 - raised again by the session
            return error

    def close(self) -> None:
        """End the workers."""
        self._workers.close()
        self._servers.close()


@attrs.define(eq=False)
class _Sent:
    """The payload in Ray's object store, put there once for all lanes."""

    ray: Any
    briefing: Briefing
    _reference: Any = None

    def reference(self) -> Any:
        """Where it is; made by the session's thread, which has made the payload before it."""
        if self._reference is None:
            self._reference = self.ray.put(self.briefing.far_payload())
        return self._reference


class RayLane:
    """Implements :class:`helion_autotune.lanes.Lane` by an actor."""

    def __init__(self, ray: Any, actor: Any, sent: _Sent) -> None:
        self._ray = ray
        self._actor = actor
        self._sent = sent

    def begin(self, left: float | None = None) -> None:
        """Send what the measurer is made of; Ray carries requests out in order."""
        self._actor.begin.remote(self._sent.reference(), left)

    def measure(self, job: bytes, incumbent_ms: float | None, left: float | None) -> Measurement:
        """See :class:`helion_autotune.lanes.Lane`."""
        try:
            outcome = self._ray.get(self._actor.measure.remote(job, incumbent_ms, left))
        except self._ray.exceptions.RayError as error:
            raise CannotMeasureError(
                f"a Ray actor is lost: {str(error).strip().splitlines()[0]}"
            ) from error
        if isinstance(outcome, Exception):
            raise outcome
        measurement: Measurement = outcome
        return measurement

    def interrupt(self) -> None:
        """Kill the actor, and by that its workers."""
        self._ray.kill(self._actor)

    def close(self) -> None:
        """End the workers in order, where the actor still is, and give the GPU back."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.get(self._actor.close.remote(), timeout=CLOSE_SECONDS)
        self._ray.kill(self._actor)


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise CannotMeasureError(
            "GPUs of a cluster are reached by Ray: pip install 'helion-autotune[ray]'"
        ) from error
    return ray
