"""What the workers of a session are told before they measure: made once, in the session's process."""

from __future__ import annotations

import pickle
import threading
from typing import TYPE_CHECKING, Any

from helion_autotune.blueprint import portable
from helion_autotune.isolation.whole_workload import blueprint_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_autotune.blueprint import Blueprint
    from helion_autotune.workload import Workload


class Briefing:
    """A blueprint as the messages that workers wait for."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        #: What may begin at once.
        self.opening = portable(blueprint.opening)
        self._lock = threading.Lock()
        self._value: Any = None
        self._message: bytes | None = None

    def message(self) -> bytes:
        """How to make the measurer; raises NotPortableError when that can be read in no other process."""
        with self._lock:
            if self._message is None:
                # Kept as long as this is, because it may own memory that workers map.
                self._value = self.blueprint.payload()
                self._message = pickle.dumps((self.blueprint.maker, portable(self._value)))
            return self._message

    def far_payload(self) -> bytes:
        """What measurers are made of, with all that it refers to, for another host."""
        self.message()
        return portable(self._value, far=True)


def briefing_of(workload: Workload[Any]) -> Briefing:
    """As a workload describes it, or for a copy of the workload; raises NotPortableError."""
    describe = getattr(workload, "blueprint", None)
    return Briefing(blueprint_of(workload) if describe is None else describe())


def job_of(workload: Workload[Any]) -> Callable[[Any], Any]:
    """What makes jobs of a workload's candidates."""
    job: Callable[[Any], Any] = getattr(workload, "job", lambda candidate: candidate)
    return job
