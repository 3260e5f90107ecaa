"""What isolated measuring is made of, as others may provide it: lanes, where they come from, and who keeps servers.

A lane has one GPU, and one worker at a time; several measure side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_autotune.trial import Measurement


class Lane(Protocol):
    """Measures one job after the other; ``helion_autotune.isolation.workers.Workers`` is one."""

    def begin(self, left: float | None = None) -> None:
        """Begin what measuring would wait for. ``left``: seconds that the session still has."""

    def measure(self, job: bytes, incumbent_ms: float | None, left: float | None) -> Measurement:
        """Measure a job, or raise as ``Workers.measure`` does."""

    def interrupt(self) -> None:
        """Have a measurement that is under way end soon; called by another thread, and nothing is measured after it."""

    def close(self) -> None:
        """Let go of worker and GPU."""


class ServerKeeper(Protocol):
    """Where sessions have the process from that forks their workers; see ``helion_autotune.isolation.ForkServers``."""

    def take(self, modules: Sequence[str], environment: Mapping[str, str]) -> Any:
        """A server that has imported, or will have, these modules in this environment."""

    def give_back(
        self, server: Any, modules: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Take back a server without workers."""


@runtime_checkable
class LaneSource(Protocol):
    """Several GPUs: those of this host, or of a cluster."""

    def lanes(self, briefing: Any, isolation: Any, servers: ServerKeeper) -> Sequence[Lane]:
        """A lane for each, begun; ``briefing`` is a ``helion_autotune.isolation.briefing.Briefing``.

        Raises CannotMeasureError where they are not there.
        """
