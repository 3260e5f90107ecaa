"""Sessions in processes of their own, which are killed, run out of disk, or compete: one program, told what to do.

    python -m benchmarks.fault_injection.sessions RECORDS SIZE SECONDS [--file-limit BYTES] [--as-nobody]

Searches all healthy points of a space of ``SIZE``, each of which takes ``SECONDS`` to measure, with records in the file
``RECORDS``, and prints the winner. ``--file-limit`` is the size beyond which no file of the process grows, as on a full
disk; ``--as-nobody`` gives up the rights of the superuser, for whom nothing is read-only.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import warnings

from benchmarks.fault_injection.faults import Faulty, space
from helion_autotune import Isolation, RecordsError, tune
from helion_autotune.strategies.finite import FiniteSearch

NOBODY = 65534
#: The program's exit status where it refuses to begin, as it cannot write records.
REFUSED = 3


def start(
    records: os.PathLike[str] | str, size: int, seconds: float, *options: str
) -> subprocess.Popen[str]:
    """The program, begun."""
    command = [
        sys.executable,
        "-m",
        __name__,
        os.fspath(records),
        str(size),
        str(seconds),
        *options,
    ]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
    )


def _environment() -> dict[str, str]:
    """The session's search path, so that the process finds what this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def main() -> int:
    """One session."""
    parser = argparse.ArgumentParser()
    parser.add_argument("records")
    parser.add_argument("size", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--file-limit", type=int)
    parser.add_argument("--as-nobody", action="store_true")
    given = parser.parse_args()
    if given.file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.file_limit, given.file_limit))
    if given.as_nobody and os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            result = tune(
                space(size=given.size),
                Faulty(given.seconds),
                strategy=FiniteSearch(),  # found without looking: nobody may not read all of Python
                records=given.records,
                isolation=Isolation(measure=20.0),
                finalists=0,
                jobs=1,
            )
    except RecordsError as error:
        print(error)
        return REFUSED
    for warning in warned:
        print(warning.message)
    print(result.best.point["a"], len(result.trials))
    return 0


if __name__ == "__main__":
    sys.exit(main())
