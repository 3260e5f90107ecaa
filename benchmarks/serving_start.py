"""Milliseconds from a process that has imported torch to a bundle of twenty kernels that is open, verified and loaded.

python -m benchmarks.serving_start [--bundle kernels.helion] [--processes 15] [--output report.json]

No GPU is needed. Python's files are compiled once, as where packages are installed. Without ``--bundle`` the kernels
of ``serving_kernels.toml`` are built first, which takes a minute.
Each figure is the median of fresh interpreters, whose files the first, unmeasured one has brought into memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

KERNELS = Path(__file__).with_name("serving_kernels.toml")
PROGRAM = """
import json, os, sys, time
import torch
clock = time.perf_counter
def mebibytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
began = clock()
import helion_runtime
imported = clock()
helion_runtime.load
found = clock()
memory = mebibytes()
bundle = helion_runtime.load(sys.argv[1])
loaded = clock()
more = mebibytes() - memory
del bundle
began_again = clock()
bundle = helion_runtime.load(sys.argv[1])
again = clock()
from helion_runtime.recording_driver import RecordingDriver
served = helion_runtime.load(sys.argv[1], driver=RecordingDriver(bundle.manifest.kernels))
x = torch.zeros(64, 64, dtype=torch.bfloat16)
before = clock()
served.add(x, x)
called = clock()
print(json.dumps({
    "import helion_runtime": imported - began,
    "its modules, at the first use of load": found - imported,
    "open, verify and load": loaded - found,
    "a second time": again - began_again,
    "all of it": loaded - began,
    "the first call of an op, but for the driver": called - before,
    "MiB of memory that the bundle takes": more / 1e3,
}))
"""


def milliseconds(bundle: Path, processes: int, bytecode: Path) -> dict[str, float]:
    """The median of each step over ``processes`` fresh interpreters, which keep theirs in ``bytecode``."""
    command = [sys.executable, "-c", PROGRAM, str(bundle)]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    found = []
    for _ in range(processes + 1):
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        found.append(json.loads(done.stdout))
    measured = found[1:]
    return {
        step: round(statistics.median(each[step] for each in measured) * 1e3, 2)
        for step in measured[0]
    }


def build(folder: Path) -> Path:
    """The bundle of :data:`KERNELS`, built by the command."""
    path = folder / "kernels.helion"
    command = [sys.executable, "-m", "helion_compiler", "build", str(KERNELS), "-o", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def main() -> None:
    """Print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, help="measure this bundle instead")
    parser.add_argument("--processes", type=int, default=15)
    parser.add_argument("--output", type=Path, help="where to write the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle = options.bundle or build(Path(folder))
        found = milliseconds(bundle, options.processes, Path(folder))
        size = bundle.stat().st_size
    print(f"{bundle.name}, {size} bytes")
    for step, figure in found.items():
        print(f"{step:<44}{figure:8.2f}{'' if 'MiB' in step else ' ms'}")
    if options.output is not None:
        options.output.write_text(json.dumps({"bytes": size, "found": found}, indent=1))


if __name__ == "__main__":
    main()
