"""Seconds that importing each package costs beyond what it builds on (torch; for the tuner, nothing).

Run: ``.venv/bin/python benchmarks/import_time.py``. Each figure is the median of several fresh interpreters, whose
files the first, unmeasured one has brought into memory.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

RUNS = 7
MEASURED = {
    "helion": "torch",
    "helion.language": "torch",
    "helion_runtime": "torch",
    "helion_autotune": None,
    "helion_compiler": "torch",
    "helion_compiler.compiled_kernel": "torch",
}
PROGRAM = """
import time
{before}
began = time.perf_counter()
import {module}
print(time.perf_counter() - began)
"""


def seconds(module: str, base: str | None) -> float:
    """Median seconds of ``import module`` once ``base`` is imported."""
    before = f"import {base}" if base else ""
    command = [sys.executable, "-c", PROGRAM.format(before=before, module=module)]
    outputs = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for _ in range(RUNS + 1)
    ]
    return statistics.median(float(output) for output in outputs[1:])


if __name__ == "__main__":
    for module, base in MEASURED.items():
        beyond = f"beyond {base}" if base else "alone"
        print(f"{module:<32}{seconds(module, base):7.3f} s  {beyond}")
