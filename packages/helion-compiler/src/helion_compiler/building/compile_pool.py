"""Worker processes that compile: in parallel for real, and killed where a compilation takes too
long.

Triton holds Python's lock in some of its passes, so that one pathological config could stop every
thread of a process; a worker that does not answer in time is ended, and only its own request fails.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

import attrs

from helion_runtime.recompiling import worker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


STANDING_BACK = 10
"""What is added to the niceness of workers: whoever measures must not wait for a core, or its times are longer."""


class CompileFailed(Exception):  # noqa: N818  # a finding about the kernel
    """Triton refused a kernel; the message is its own."""


class _Worker:
    """One process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            # -P: the worker's own folder is no place to import from.
            [sys.executable, "-P", worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Whoever interprets Triton kernels of their own need not unset that to have ours compiled.
            env={**os.environ, "TRITON_INTERPRET": "0", **environment},
        )
        if hasattr(os, "setpriority"):
            mine = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, self._process.pid, mine + STANDING_BACK)

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer; TimeoutError if none comes in time, CompileFailed if the process died."""
        stdin, stdout = self._pipes()
        try:
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError as error:
            raise CompileFailed("the compiling process died before it was asked") from error
        ready, _, _ = select.select([stdout], [], [], seconds)
        if not ready:
            raise TimeoutError(f"compiling took more than {seconds:.0f} s")
        line = stdout.readline()
        if not line:
            raise CompileFailed(f"the compiling process died with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def kill(self) -> None:
        """Have the process go."""
        self._process.kill()

    def end(self) -> None:
        """Kill the process and collect it."""
        self.kill()
        self._process.wait()
        for pipe in self._pipes():
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


@attrs.define(eq=False)
class CompilePool:
    """At most ``jobs`` workers, started as they are needed. Use it as a context manager; any thread
    may ask.

    ``environment`` is what workers find in theirs beyond what this process has.
    """

    jobs: int
    timeout: float = 60.0
    environment: Mapping[str, str] = attrs.field(factory=dict)
    _idle: queue.SimpleQueue[_Worker | None] = attrs.field(factory=queue.SimpleQueue, init=False)
    _all: list[_Worker] = attrs.field(factory=list, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    def __enter__(self) -> CompilePool:
        for _ in range(self.jobs):
            self._idle.put(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._closed = True
            workers, self._all = self._all, []
        for process in workers:
            process.kill()  # the memory of each takes a while to go: all go at once
        for process in workers:
            process.end()

    def compile(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request of :mod:`helion_runtime.recompiling.worker`, waiting for a free worker.

        Raises:
            TimeoutError: it took longer than ``timeout`` seconds.
            CompileFailed: Triton refused the kernel, or the worker died.
        """
        process = self._idle.get() or self._start()
        try:
            answer = process.ask(request, self.timeout)
        except (TimeoutError, CompileFailed):
            self._replace(process)
            raise
        self._idle.put(process)
        if "error" in answer:
            raise CompileFailed(answer["error"])
        answer["binary"] = base64.b64decode(answer["binary"])
        return answer

    def _start(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise CompileFailed("the search has ended")
            process = _Worker(self.environment)
            self._all.append(process)
            return process

    def _replace(self, process: _Worker) -> None:
        """End a worker; its place is filled when it is next needed."""
        process.end()
        with self._lock:
            if process in self._all:
                self._all.remove(process)
        self._idle.put(None)
