"""The session's side: start the fork server, have workers forked and ended, ask one worker for an answer."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Any

from helion_autotune.isolation.frames import ChannelClosedError, receive, send
from helion_autotune.isolation_limits import IN_A_WORKER

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The program of the server: the session's own search path, so that both find the same modules.
PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from helion_autotune.isolation.fork_server import main; main(int(sys.argv[2]), sys.argv[3], sys.argv[4:])"
)
#: More than so many bytes of what workers print are thrown away while all is well.
PRINTED_LIMIT = 1 << 20
#: How much of what a worker printed goes into the error of its death, in characters.
PRINTED = 600


class ServerLostError(RuntimeError):
    """The fork server died or does not answer."""


class WorkerDiedError(RuntimeError):
    """A worker ended while it was asked: by a signal, by leaving, or killed for being too slow."""


class Worker:
    """A forked worker: a process number and a channel."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self._channel = channel

    def ask(self, request: bytes, seconds: float) -> bytes:
        """The answer; raises TimeoutError when it takes longer, ChannelClosedError when the worker dies."""
        send(self._channel, request, seconds)
        return receive(self._channel, seconds)

    def first_answer(self, seconds: float) -> bytes:
        """Whether it could make its measurer."""
        return receive(self._channel, seconds)

    def close(self) -> None:
        """Hang up; an idle worker ends by itself."""
        self._channel.close()


class ServerProcess:
    """A fork server and the memory that it and its workers print to. Starting returns at once."""

    def __init__(self, maker: str, modules: Sequence[str]) -> None:
        self._printed: IO[bytes] = os.fdopen(os.memfd_create("helion-autotune"), "w+b")
        flags = fcntl.fcntl(self._printed, fcntl.F_GETFL)
        fcntl.fcntl(
            self._printed, fcntl.F_SETFL, flags | os.O_APPEND
        )  # it is emptied while others write
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    PROGRAM,
                    json.dumps(sys.path),
                    str(theirs.fileno()),
                    maker,
                    *modules,
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._printed,
                stderr=self._printed,
                pass_fds=[theirs.fileno()],
                env={**os.environ, IN_A_WORKER: "1"},
                start_new_session=True,  # Ctrl-C is for the session, which ends its workers in order
            )

    def prepare(self, payload: bytes, seconds: float) -> None:
        """Give it what workers make their measurers of."""
        self._ask(("prepare", payload), seconds)

    def fork(self, seconds: float) -> Worker:
        """A new worker, which is making its measurer."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                pid = self._ask(("fork",), seconds, descriptor=theirs.fileno())
            except ServerLostError:
                ours.close()
                raise
        return Worker(pid, ours)

    def end(self, worker: Worker, seconds: float) -> str:
        """Kill a worker and wait until it is gone; how it died, if it had before."""
        worker.close()
        return died_by(self._ask(("end", worker.pid), seconds))

    def printed(self) -> str:
        """The end of what workers have printed since this was last asked."""
        self._printed.seek(0, os.SEEK_END)
        self._printed.seek(max(self._printed.tell() - 4 * PRINTED, 0))
        text = self._printed.read().decode(errors="replace").strip()
        self._printed.truncate(0)
        return text[-PRINTED:]

    def trim(self) -> None:
        """Forget what workers have printed, where that is much."""
        if os.fstat(self._printed.fileno()).st_size > PRINTED_LIMIT:
            self._printed.truncate(0)

    def close(self) -> None:
        """End the server and, by that, every worker."""
        self._control.close()
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._printed.close()

    def _ask(self, request: tuple[Any, ...], seconds: float, descriptor: int | None = None) -> Any:
        try:
            send(self._control, pickle.dumps(request), seconds)
            if descriptor is not None:
                socket.send_fds(self._control, [b"."], [descriptor])
            return pickle.loads(receive(self._control, seconds))
        except TimeoutError as error:
            raise ServerLostError(
                f"the process that starts workers does not answer within {seconds:g} s"
            ) from error
        except (ChannelClosedError, OSError) as error:
            status = self._process.poll()
            how = f"ended with status {status}" if status is not None else str(error)
            raise ServerLostError(
                f"the process that starts workers {how}. {self.printed()}".rstrip(". ")
            ) from error


def died_by(status: int | None) -> str:
    """A wait status in words."""
    if status is None:
        return "does not end, even by SIGKILL"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        return f"died by {name} ({signal.strsignal(number)})"
    return f"ended by itself with exit status {os.WEXITSTATUS(status)}"
