"""The process that workers are forked from: it has imported what they need, and never touches a GPU.

A worker that has to be replaced is then ready in the time of a fork and of a GPU context, not of importing torch.
In: over the control channel, pickled requests, and with ``fork`` the worker's end of its own channel. Out: pickled
answers. It ends, and its workers with it, when the session's end of the control channel closes: also by ``kill -9``.
Without workers it waits for the next session, but not for long.

Requests: ``("fork", number)``, which has no answer, as it may be sent while modules are still imported;
``("end", number) -> wait status`` (None for a process that even SIGKILL did not end in time, as one that waits in a
device driver).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import os
import pickle
import resource
import signal
import socket
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING

from helion_autotune.isolation.frames import ChannelClosedError, receive, send
from helion_autotune.isolation.worker import work

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How long a killed process may take to be gone, in seconds: the driver tears its context down.
KILL_SECONDS = 30.0
#: How long it waits for a next session, in seconds: it holds memory of the host meanwhile, none of a GPU.
IDLE_SECONDS = 300.0
_PR_SET_PDEATHSIG = 1


class ForkServer:
    """Serves one process, which has one session after the other."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._workers: dict[int, int] = {}  # process numbers, by the session's own numbers

    def serve(self) -> None:
        """Answer requests until nobody is there to ask any more."""
        try:
            while True:
                patience = None if self._workers else IDLE_SECONDS
                name, number = pickle.loads(receive(self._control, patience))
                if name == "fork":
                    self._fork(number)
                else:
                    send(self._control, pickle.dumps(self._end(number)))
        except (ChannelClosedError, TimeoutError):
            pass
        finally:
            for number in tuple(self._workers):
                self._end(number)

    def _fork(self, number: int) -> None:
        _, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
        (descriptor,) = descriptors
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_a_worker(descriptor, server)
        os.close(descriptor)
        self._workers[number] = pid

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
            work(channel)
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

    def _end(self, number: int) -> int | None:
        """Kill and collect a worker; a dead one waits to be collected, so its process number is not another's."""
        pid = self._workers[number]
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + KILL_SECONDS
        while time.monotonic() < deadline:
            collected, status = os.waitpid(pid, os.WNOHANG)
            if collected:
                del self._workers[number]
                return status
            time.sleep(0.001)
        return None


def _die_with(server: int) -> None:
    """Let the kernel end this process when the server ends, however it does (Linux; elsewhere its channel closes)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(0)


def main(descriptor: int, modules: Sequence[str]) -> None:
    """Run on the control channel that was inherited under ``descriptor``, with these modules imported."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # workers crash as a matter of course
    control = socket.socket(fileno=descriptor)
    server = ForkServer(control)
    gc.disable()  # nothing is garbage yet, and looking for it takes a tenth of the time
    # What cannot be imported now cannot be in a worker either, which answers with the reason.
    for module in modules:
        with contextlib.suppress(Exception):
            import_module(module)
    gc.freeze()  # what stands now stays, in pages that workers share
    gc.enable()
    server.serve()
