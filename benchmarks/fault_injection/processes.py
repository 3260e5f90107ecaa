"""Processes of this machine, as Linux lists them: which are there, whose children they are, and waiting for things."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait until something is so; raises AssertionError when that takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process is there, and no mere entry that nobody has collected."""
    fields = _fields(pid)
    return fields is not None and fields[0] not in (b"Z", b"X")


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on."""
    parents = {int(entry): _fields(int(entry)) for entry in os.listdir("/proc") if entry.isdigit()}
    found: list[int] = []
    line = [pid]
    while line:
        current = line.pop()
        children = [
            child for child, fields in parents.items() if fields and int(fields[1]) == current
        ]
        found += children
        line += children
    return found


def _fields(pid: int) -> list[bytes] | None:
    """State, parent and what follows them; None for a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None
