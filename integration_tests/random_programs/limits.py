"""How long a program may take, and Triton over it: wrong code can loop for ever, and native code hears no signal."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Any

from helion_compiler.building.compile_pool import CompilePool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Compiler = Callable[[dict[str, Any]], dict[str, Any]]
    """What answers requests of :mod:`helion_runtime.recompiling.worker`."""

SECONDS = 60
"""Of computing, or of waiting for a GPU."""
COMPILING_SECONDS = 15.0
"""How long Triton may take over one of several configs; unrolled loops in unrolled loops can take it minutes."""
_CLOCKS = {"cpu": (signal.ITIMER_PROF, signal.SIGPROF)}
_REAL = (signal.ITIMER_REAL, signal.SIGALRM)
_PATIENCE = {"cpu": 4.0}
_REAL_PATIENCE = 1.5


class TookTooLongError(BaseException):
    """A program did. Nothing that handles a program's own exceptions may take this for one of them."""


@contextlib.contextmanager
def limited(device: str, seconds: float) -> Iterator[None]:
    """Raise :class:`TookTooLongError` after so many seconds: of computing on a CPU, of waiting for a GPU."""

    def alarm(_signal: int, _frame: FrameType | None) -> None:
        raise TookTooLongError

    clock, number = _CLOCKS.get(device, _REAL)
    previous = signal.signal(number, alarm)
    signal.setitimer(clock, seconds)
    try:
        yield
    finally:
        signal.setitimer(clock, 0)
        signal.signal(number, previous)


def patience(device: str, seconds: float) -> float:
    """Seconds after which a process is ended that has not ended a program of so many seconds itself.

    A GPU that hangs keeps it in native code. On a CPU it computes beside others, and hears what :func:`limited` does.
    """
    return seconds * _PATIENCE.get(device, _REAL_PATIENCE)


@contextlib.contextmanager
def compiler(device: str, target: str | None) -> Iterator[Compiler | None]:
    """What compiles, in a process of its own that it may not keep for long; None if nothing is to be compiled."""
    if device == "cpu" and target is None:
        yield None
        return
    with CompilePool(1, SECONDS if device == "cpu" else COMPILING_SECONDS) as pool:
        yield pool.compile
