"""Programs that begin alike: what is common runs once, in a process that each of them is then a fork of.

A program is Python text. What it leaves loaded, and whether it failed, is the fork's own. Assumed: what is common
starts no thread.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

FORKING = """
import json, os, sys, traceback
exec(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    program, report, errors = json.loads(line)
    child = os.fork()
    if not child:
        status = 1
        try:
            os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), 2)
            exec(program)
            with open(report, "w") as file:
                json.dump([name for name, module in sys.modules.items() if module is not None], file)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Forks:
    """Forks of a process that has run ``common``; their files lie in ``folder``."""

    def __init__(self, common: str, folder: Path) -> None:
        self._folder = folder
        # -P: neither the working directory nor the program's is searched, only what is installed.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", FORKING, common],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        self._count = 0
        assert self._answer() == "ready", "what is common failed"

    def __enter__(self) -> Forks:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def loaded_by(self, program: str) -> frozenset[str]:
        """The names of the modules that are loaded when a program has ended; it fails with its traceback."""
        self._count += 1
        report, errors = (self._folder / f"{self._count}.{kind}" for kind in ("json", "txt"))
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([program, str(report), str(errors)]) + "\n")
        self._process.stdin.flush()
        status = self._answer()
        assert status == "0", errors.read_text()
        return frozenset(json.loads(report.read_text()))

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
