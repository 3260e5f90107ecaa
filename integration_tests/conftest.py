"""Fresh interpreters, for tests of what a process loads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LoadedBy: TypeAlias = Callable[[str], frozenset[str]]

# The program runs first; what it prints is kept apart from the list of modules.
REPORT = """
import json, sys
loaded = [name for name, module in sys.modules.items() if module is not None]
open(sys.argv[1], "w").write(json.dumps(sorted(loaded)))
"""


@pytest.fixture
def loaded_by(tmp_path: Path) -> LoadedBy:
    """``loaded_by(program)`` runs Python text in a fresh interpreter; the names of the modules it leaves loaded.

    A program that fails fails the test, with its traceback.
    """

    def run(program: str) -> frozenset[str]:
        report = tmp_path / "modules.json"
        # -P: neither the working directory nor the program's is searched, only what is installed.
        command = [sys.executable, "-P", "-c", program + REPORT, str(report)]
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        return frozenset(json.loads(report.read_text()))

    return run
