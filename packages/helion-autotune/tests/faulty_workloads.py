"""Workloads whose candidates do what bad kernels do, each in its own way; importable, as workers find them by name."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time

from helion_autotune import Measurement, WrongResult
from helion_autotune.blueprint import Blueprint


def hang() -> None:
    while True:
        time.sleep(60)


def spin_without_the_lock_released() -> None:
    """As a call into a driver that never returns: no Python code of the process runs any more."""
    ctypes.PyDLL(None).pause()


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def write_to_address_zero() -> None:
    ctypes.memset(0, 1, 8)


def leave() -> None:
    os._exit(7)


def leave_politely() -> None:
    sys.exit("a candidate that calls exit()")


def exhaust_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
    bytearray(4 << 30)


def be_wrong() -> None:
    raise WrongResult("3 of 8 elements differ")


def lose_the_context() -> None:
    Measurer.context_lost = True
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


def write_over_the_arguments() -> None:
    Measurer.spoiled = True


def print_and_crash() -> None:
    print("assertion `index < size` failed", flush=True)
    crash()


FAULTS = {
    function.__name__: function
    for function in (
        hang,
        spin_without_the_lock_released,
        crash,
        write_to_address_zero,
        leave,
        leave_politely,
        exhaust_memory,
        be_wrong,
        lose_the_context,
        write_over_the_arguments,
        print_and_crash,
    )
}


class Measurer:
    """The time of a job is its ``a`` + 1 ms, unless it names a fault. Once the context is lost, nothing works."""

    context_lost = False
    spoiled = False

    def measure(self, job, incumbent_ms):
        if self.context_lost:
            raise RuntimeError("CUDA error: context is destroyed")
        if self.spoiled:
            raise WrongResult("the arguments are not what they were")
        fault = job.get("fault")
        if fault is not None:
            FAULTS[fault]()
        return Measurement(job["a"] + 1.0, (job["a"] + 1.0, float(os.getpid())))

    def recover(self):
        if self.context_lost:
            raise RuntimeError("CUDA error: context is destroyed")
        if self.spoiled:
            raise RuntimeError("a candidate wrote over the arguments")


def measurer(payload):
    if payload is not None:
        raise MemoryError(payload)
    return Measurer()


class Faulty:
    """Points are jobs; ``problem`` is what making a measurer fails with."""

    def __init__(self, problem=None):
        self.problem = problem
        self.here = 0

    def blueprint(self):
        return Blueprint(f"{__name__}:measurer", lambda: self.problem)

    def compile(self, point):
        return dict(point)

    def job(self, candidate):
        return candidate

    def measure(self, candidate, incumbent_ms):
        self.here += 1
        return Measurement(candidate["a"] + 1.0)


class Plain:
    """Says nothing of isolation, but can be pickled."""

    def compile(self, point):
        return dict(point)

    def measure(self, candidate, incumbent_ms):
        if candidate.get("fault"):
            FAULTS[candidate["fault"]]()
        return Measurement(candidate["a"] + 1.0)
