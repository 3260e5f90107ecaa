"""Injects faults into searches, by default 200, and prints what each kind cost.

python -m benchmarks.fault_injection [--faults 200]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.fault_injection.campaign import run


def main() -> None:
    """Print a line for each step; an AssertionError ends the campaign where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    given = parser.parse_args()
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, faults, seconds in run(Path(folder), given.faults):
            print(f"{name:28} {faults:4} faults {seconds:7.1f} s", flush=True)
            total += faults
    print(f"{total} faults injected, nothing else lost")


if __name__ == "__main__":
    main()
