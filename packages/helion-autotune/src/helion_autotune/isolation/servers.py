"""Fork servers that outlive their sessions: importing torch takes seconds, and the next session needs it, too.

A server waits for sessions of the process that started it, under the circumstances it was started in: the modules that
it has imported, the search path, the folder, and the environment. It ends with that process, or when nobody has needed
it for some minutes.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING

import attrs

from helion_autotune.isolation.server_process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet


@attrs.frozen
class Circumstances:
    """What two sessions must have in common to have workers of one server."""

    process: int
    modules: tuple[str, ...]
    path: tuple[str, ...]
    folder: str
    environment: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls, modules: Sequence[str], environment: Mapping[str, str], unheeded: AbstractSet[str]
    ) -> Circumstances:
        """Those of this moment, but for variables of the environment that are ``unheeded``."""
        whole = {**os.environ, **environment}
        heeded = tuple(sorted((name, whole[name]) for name in whole.keys() - unheeded))
        return cls(os.getpid(), tuple(modules), tuple(sys.path), os.getcwd(), heeded)


class ForkServers:
    """Those that wait; any thread may ask. Each is used by one session at a time.

    ``unheeded`` variables of the environment may change while a server waits: those that decide nothing in a worker.
    """

    def __init__(self, unheeded: Iterable[str] = ()) -> None:
        self._unheeded = frozenset(unheeded)
        self._lock = threading.Lock()
        self._waiting: list[tuple[Circumstances, ServerProcess]] = []
        weakref.finalize(self, _close, self._waiting)

    def prepare(self, modules: Sequence[str]) -> None:
        """Start one now, unless one waits, for a session that is likely to begin soon. Returns at once."""
        wanted = Circumstances.of(modules, {}, self._unheeded)
        with self._lock:
            self._forget_ended()
            if all(circumstances != wanted for circumstances, _ in self._waiting):
                self._waiting.append((wanted, ServerProcess(modules)))

    def take(self, modules: Sequence[str], environment: Mapping[str, str]) -> ServerProcess:
        """One that waits, or a new one."""
        wanted = Circumstances.of(modules, environment, self._unheeded)
        with self._lock:
            self._forget_ended()
            for place, (circumstances, server) in enumerate(self._waiting):
                if circumstances == wanted:
                    del self._waiting[place]
                    return server
        return ServerProcess(modules, environment)

    def give_back(
        self, server: ServerProcess, modules: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Let a server without workers wait for another session."""
        with self._lock:
            self._waiting.append((Circumstances.of(modules, environment, self._unheeded), server))

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            _close(self._waiting)

    def _forget_ended(self) -> None:
        for one in [one for one in self._waiting if not one[1].runs]:
            self._waiting.remove(one)
            one[1].close()


def _close(waiting: list[tuple[Circumstances, ServerProcess]]) -> None:
    """End all of a list; a forked child of this process leaves its parent's alone."""
    for circumstances, server in waiting:
        if circumstances.process == os.getpid():
            server.close()
    waiting.clear()
