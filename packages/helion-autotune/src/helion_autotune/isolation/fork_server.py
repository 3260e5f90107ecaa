"""The process that workers are forked from: it has imported what they need, and never touches a GPU.

A worker that has to be replaced is then ready in the time of a fork and of a GPU context, not of importing torch.
In: over the control channel, pickled requests, and with ``fork`` the worker's end of its own channel. Out: pickled
answers. It ends, and its workers with it, when the session's end of the control channel closes: also by ``kill -9``.

Requests: ``("prepare", payload) -> None``, ``("fork",) -> pid``, ``("end", pid) -> wait status`` (None for a process
that even SIGKILL did not end in time, as one that waits in a device driver).
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import pickle
import resource
import signal
import socket
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from helion_autotune.isolation.frames import ChannelClosedError, receive, send
from helion_autotune.isolation.worker import work

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How long a killed process may take to be gone, in seconds: the driver tears its context down.
KILL_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1


class ForkServer:
    """Serves one session."""

    def __init__(self, control: socket.socket, maker: str) -> None:
        self._control = control
        self._maker = maker
        self._payload = b""
        self._workers: set[int] = set()

    def serve(self) -> None:
        """Answer requests until the session is gone."""
        try:
            while True:
                name, *arguments = pickle.loads(receive(self._control))
                answer = getattr(self, f"_{name}")(*arguments)
                send(self._control, pickle.dumps(answer))
        except ChannelClosedError:
            pass
        finally:
            for pid in tuple(self._workers):
                self._end(pid)

    def _prepare(self, payload: bytes) -> None:
        self._payload = payload

    def _fork(self) -> int:
        _, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
        (descriptor,) = descriptors
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_a_worker(descriptor, server)
        os.close(descriptor)
        self._workers.add(pid)
        return pid

    def _be_a_worker(self, descriptor: int, server: int) -> None:
        """Never returns, and runs nothing of the server's on the way out."""
        status = 1
        try:
            _die_with(server)
            self._control.close()
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(
                    line_buffering=True
                )  # what is printed before a crash tells why
            channel = socket.socket(
                fileno=descriptor
            )  # open until the end: when it closes, all is said
            work(channel, self._maker, self._payload)
            status = 0
        except ChannelClosedError:
            status = 0  # the session has ended this worker
        except BaseException:  # noqa: BLE001 - shown, and seen by the session as an exit status
            sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _end(self, pid: int) -> int | None:
        """Kill and collect a worker; a dead one waits to be collected, so its number is not another's."""
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + KILL_SECONDS
        while time.monotonic() < deadline:
            collected, status = os.waitpid(pid, os.WNOHANG)
            if collected:
                self._workers.discard(pid)
                return status
            time.sleep(0.001)
        return None


def _die_with(server: int) -> None:
    """Let the kernel end this process when the server ends, however it does (Linux; elsewhere its channel closes)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(0)


def main(descriptor: int, maker: str, modules: Sequence[str]) -> None:
    """Run on the control channel that was inherited under ``descriptor``, with these modules imported."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # workers crash as a matter of course
    control = socket.socket(fileno=descriptor)
    server: Any = ForkServer(control, maker)
    # What cannot be imported now cannot be in a worker either, which answers with the reason.
    for module in modules:
        with contextlib.suppress(Exception):
            import_module(module)
    server.serve()
