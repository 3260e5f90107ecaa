"""A workload that tells where it was measured; workers import it by its name."""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.fault_injection.faults import crash, hang
from helion_autotune import Blueprint, Measurement

#: How long candidates wait for each other, in seconds.
PATIENCE = 60.0


def devices():
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")


class Anywhere:
    """Implements ``helion_autotune.Measurer``: the first two candidates wait until both are being measured."""

    def __init__(self, folder):
        self.folder = Path(folder)
        with open(self.folder / "workers", "a") as file:
            file.write(f"{os.getpid()}\n")

    def measure(self, job, incumbent_ms):
        with open(self.folder / "places", "a") as file:
            file.write(f"{job['a']} {devices()}\n")
        if job["do"] == "crash":
            crash()
        if job["do"] == "hang":
            hang()
        if job["do"] == "meet":
            self.meet(job["a"])
        return Measurement(job["a"] + 1.0)

    def meet(self, number):
        (self.folder / f"there{number}").touch()
        deadline = time.monotonic() + PATIENCE
        while not all((self.folder / f"there{other}").exists() for other in (0, 1)):
            if time.monotonic() > deadline:
                raise TimeoutError("nobody else came")
            time.sleep(0.01)


def make(payload):
    folder, broken = payload
    if devices() in broken:
        raise MemoryError(f"GPU {devices()} is full")
    return Anywhere(folder)


class Workload:
    """``broken``: where no measurer can be made."""

    def __init__(self, folder, broken=(), device=0):
        self.folder, self.broken, self.device = folder, broken, device

    def blueprint(self):
        payload = str(self.folder), tuple(self.broken)
        return Blueprint(f"{__name__}:make", lambda: payload, device=self.device)

    def compile(self, point):
        return dict(point)

    def job(self, candidate):
        return candidate

    def measure(self, candidate, incumbent_ms):
        raise AssertionError("measured in the session's process")

    def places(self):
        """What was measured where, in order."""
        lines = (Path(self.folder) / "places").read_text().splitlines()
        return [tuple(line.split()) for line in lines]

    def workers(self):
        """The processes that measured."""
        return [int(line) for line in (Path(self.folder) / "workers").read_text().split()]
