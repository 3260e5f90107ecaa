"""The session's side: start the fork server, have workers forked and ended, ask one worker for an answer."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
from typing import IO, TYPE_CHECKING

from helion_autotune.isolation.frames import receive, send
from helion_autotune.isolation_limits import IN_A_WORKER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The program of the server: the session's own search path, so that both find the same modules.
PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from helion_autotune.isolation.fork_server import main; main(int(sys.argv[2]), sys.argv[3:])"
)
#: More than so many bytes of what workers print are thrown away while all is well.
PRINTED_LIMIT = 1 << 20
#: How much of what a worker printed goes into the error of its death, in characters.
PRINTED = 600


class ServerLostError(RuntimeError):
    """The fork server died or does not answer."""


class Worker:
    """A forked worker: the number that its server knows it by, and a channel.

    ``pid`` is its process number, from when it has said that it is ready.
    """

    def __init__(self, number: int, channel: socket.socket) -> None:
        self.number = number
        self.pid: int | None = None
        self._channel = channel

    def give(self, message: bytes, seconds: float) -> None:
        """Send what it waits for; raises TimeoutError and ChannelClosedError."""
        send(self._channel, message, seconds)

    def ask(self, request: bytes, seconds: float) -> bytes:
        """The answer; raises TimeoutError when it takes longer, ChannelClosedError when the worker dies."""
        self.give(request, seconds)
        return self.next_answer(seconds)

    def next_answer(self, seconds: float) -> bytes:
        """What it says next."""
        return receive(self._channel, seconds)

    def hang_up(self) -> None:
        """Have whoever waits for an answer wait no longer; may be called by another thread."""
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up for good; an idle worker ends by itself."""
        self._channel.close()


class ServerProcess:
    """A fork server and the memory that it and its workers print to. Starting returns at once, and so does forking.

    ``environment``: what is otherwise than in this process's.
    """

    def __init__(
        self, modules: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self._printed: IO[bytes] = os.fdopen(os.memfd_create("helion-autotune"), "w+b")
        flags = fcntl.fcntl(self._printed, fcntl.F_GETFL)
        fcntl.fcntl(
            self._printed, fcntl.F_SETFL, flags | os.O_APPEND
        )  # it is emptied while others write
        self._numbers = itertools.count()
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
                    *modules,
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._printed,
                stderr=self._printed,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **(environment or {}), IN_A_WORKER: "1"},
                start_new_session=True,  # Ctrl-C is for the session, which ends its workers in order
            )

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def fork(self) -> Worker:
        """A worker that will be forked as soon as the server has imported its modules, without waiting for that.

        Where that cannot be, its channel closes. Raises ServerLostError.
        """
        ours, theirs = socket.socketpair()
        number = next(self._numbers)
        with theirs:
            try:
                send(self._control, pickle.dumps(("fork", number)), None)
                socket.send_fds(self._control, [b"."], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise ServerLostError(self._lost(error)) from error
        return Worker(number, ours)

    def end(self, worker: Worker, seconds: float) -> str:
        """Kill a worker and wait until it is gone; how it died, if it had before."""
        worker.close()
        try:
            send(self._control, pickle.dumps(("end", worker.number)), seconds)
            return died_by(pickle.loads(receive(self._control, seconds)))
        except TimeoutError as error:
            raise ServerLostError(
                f"the process that starts workers does not answer within {seconds:g} s"
            ) from error
        except OSError as error:
            raise ServerLostError(self._lost(error)) from error

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

    def _lost(self, error: OSError) -> str:
        try:
            how = f"ended with status {self._process.wait(timeout=1.0)}"
        except subprocess.TimeoutExpired:
            how = str(error)
        return f"the process that starts workers {how}. {self.printed()}".rstrip(". ")


def died_by(status: int | None) -> str:
    """A wait status in words."""
    if status is None:
        return "does not end, even by SIGKILL"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        return f"died by {name} ({signal.strsignal(number)})"
    return f"ended by itself with exit status {os.WEXITSTATUS(status)}"
