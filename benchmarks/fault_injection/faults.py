"""A workload whose candidates do what bad kernels do, each in its own way. Workers import it by its name."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

from helion_autotune import Blueprint, Choice, Integer, Measurement, Space, Status, WrongResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_autotune import Point

    Job = Mapping[str, Any]


def hang() -> None:
    """Wait for ever, where signals and Python still work."""
    while True:
        time.sleep(60)


def hang_in_native_code() -> None:
    """As a call into a driver that never returns: no Python code of the process runs any more."""
    ctypes.PyDLL(None).pause()


def crash() -> None:
    """Die of a signal."""
    os.kill(os.getpid(), signal.SIGSEGV)


def write_to_address_zero() -> None:
    """Die of what most crashes are."""
    ctypes.memset(0, 1, 8)


def print_and_crash() -> None:
    """Die, saying why, as device assertions do."""
    print("assertion `index < size` failed")
    crash()


def leave() -> None:
    """End the process without a word."""
    os._exit(7)


def leave_politely() -> None:
    """End the process as programs do."""
    sys.exit("a candidate that calls exit()")


def exhaust_memory() -> None:
    """Ask for more than there is."""
    import resource  # where there is one

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, hard))
    bytearray(4 << 30)


def be_wrong() -> None:
    """Compute something else."""
    raise WrongResult("3 of 8 elements differ")


def lose_the_context() -> None:
    """Make an illegal access: the error is the first of many, as everything fails that comes after it."""
    Measurer.context_lost = True
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


def write_over_the_arguments() -> None:
    """Spoil what later candidates compute with, without a word."""
    Measurer.spoiled = True


def fail_to_compile() -> None:
    """What a compiler says."""
    raise ValueError("PassManager::run failed")


def take_too_long_to_compile() -> None:
    """What a pool of compilers says of a process that it has ended."""
    raise TimeoutError("compiling took more than 20 s")


#: Faults of measuring, with the status and words of their trials.
MEASURING: dict[Callable[[], None], tuple[Status, str]] = {
    hang: (Status.TIMEOUT, "no result within"),
    hang_in_native_code: (Status.TIMEOUT, "its worker was killed"),
    crash: (Status.RUN_ERROR, "WorkerDied: its worker died by SIGSEGV"),
    write_to_address_zero: (Status.RUN_ERROR, "died by SIGSEGV (Segmentation fault)"),
    print_and_crash: (Status.RUN_ERROR, "it printed: assertion `index < size` failed"),
    leave: (Status.RUN_ERROR, "WorkerDied: its worker ended by itself with exit status 7"),
    leave_politely: (Status.RUN_ERROR, "exit status 1; it printed"),
    exhaust_memory: (Status.RUN_ERROR, "MemoryError"),
    be_wrong: (Status.WRONG_RESULT, "WrongResult: 3 of 8 elements differ"),
    lose_the_context: (Status.RUN_ERROR, "illegal memory access was encountered (its worker was"),
    write_over_the_arguments: (Status.OK, ""),
}
COMPILING: dict[Callable[[], None], tuple[Status, str]] = {
    fail_to_compile: (Status.COMPILE_ERROR, "PassManager::run failed"),
    take_too_long_to_compile: (Status.TIMEOUT, "compiling took more than 20 s"),
}
EXPECTED = {fault.__name__: outcome for fault, outcome in (MEASURING | COMPILING).items()}
_BY_NAME = {fault.__name__: fault for fault in MEASURING | COMPILING}


def space(*faults: str, size: int) -> Space:
    """``size`` healthy points, and as many of each fault."""
    return Space({"a": Integer(0, size - 1), "fault": Choice([None, *faults])})


class Measurer:
    """Implements ``helion_autotune.Measurer``: ``a`` + 1 ms, unless a job names a fault.

    Once the context is lost, nothing works; once arguments are spoiled, everything is wrong.
    """

    context_lost: ClassVar[bool] = False
    spoiled: ClassVar[bool] = False

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def measure(self, job: Job, incumbent_ms: float | None) -> Measurement:
        """Do what the job says."""
        del incumbent_ms
        if self.context_lost:
            raise RuntimeError("CUDA error: context is destroyed")
        if self.spoiled:
            raise WrongResult("the arguments are not what they were")
        time.sleep(self.seconds)
        if job["fault"] is not None:
            _BY_NAME[job["fault"]]()
        return Measurement(job["a"] + 1.0)

    def recover(self) -> None:
        """Raises where this process is of no more use."""
        if self.context_lost:
            raise RuntimeError("CUDA error: context is destroyed")
        if self.spoiled:
            raise RuntimeError("a candidate wrote over the arguments")


def measurer(payload: Any) -> Measurer:
    """What workers call: ``payload`` is how long a measurement takes, or the words that they fail with."""
    if isinstance(payload, str):
        raise MemoryError(payload)
    return Measurer(payload)


class Faulty:
    """Implements ``helion_autotune.IsolableWorkload``; ``here`` counts what is measured in this process."""

    def __init__(self, payload: Any = 0.0) -> None:
        self.payload = payload
        self.here = 0

    def blueprint(self) -> Blueprint:
        """See ``IsolableWorkload``."""
        return Blueprint(f"{__name__}:measurer", lambda: self.payload)

    def compile(self, point: Point) -> dict[str, Any]:
        """Candidates are jobs."""
        fault = point["fault"]
        if fault is not None and _BY_NAME[fault] in COMPILING:
            _BY_NAME[fault]()
        return dict(point)

    def job(self, candidate: dict[str, Any]) -> dict[str, Any]:
        """As it is."""
        return candidate

    def measure(self, candidate: Job, incumbent_ms: float | None) -> Measurement:
        """In this process, harmlessly."""
        del incumbent_ms
        self.here += 1
        return Measurement(candidate["a"] + 1.0)


def perform(a: int, fault: str | None) -> int:
    """A function with faults among the values of its keywords."""
    if fault is not None:
        _BY_NAME[fault]()
    return a


class Plain:
    """Says nothing of isolation, but can be pickled."""

    def compile(self, point: Point) -> dict[str, Any]:
        """Candidates are jobs."""
        return dict(point)

    def measure(self, candidate: Job, incumbent_ms: float | None) -> Measurement:
        """As the job says, wherever this is."""
        return Measurer().measure(candidate, incumbent_ms)
