"""What was found, one line of JSON per operator and element type, written as it is found."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from pathlib import Path

AGREES, REFUSED, WRONG, CRASHED = "agrees", "refused", "wrong", "crashed"


@attrs.frozen
class Finding:
    """How one call ended. ``error`` is the class of a refusal or a crash."""

    call: str
    mode: str
    status: str
    error: str = ""
    reason: str = ""


@attrs.frozen
class Result:
    """One operator with one element type."""

    operator: str
    dtype: str
    elementwise: bool
    findings: tuple[Finding, ...]

    @property
    def status(self) -> str:
        """The worst: crashed, wrong, then agrees where any call agrees, else refused."""
        seen = {finding.status for finding in self.findings}
        return next((s for s in (CRASHED, WRONG, AGREES, REFUSED) if s in seen), REFUSED)


class Store:
    """A file of results; a later line replaces an earlier one for the same operator and type."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._current = path.with_suffix(".current")

    def read(self) -> dict[tuple[str, str], Result]:
        """What has been found so far."""
        if not self._path.exists():
            return {}
        found = {}
        for line in self._path.read_text().splitlines():
            if not line.endswith("}"):
                continue  # the run was interrupted while it wrote
            entry: dict[str, Any] = json.loads(line)
            findings = tuple(Finding(**finding) for finding in entry.pop("findings"))
            result = Result(**entry, findings=findings)
            found[result.operator, result.dtype] = result
        return found

    def add(self, result: Result) -> None:
        """Write one more."""
        with self._path.open("a") as file:
            file.write(json.dumps(attrs.asdict(result)) + "\n")

    def begin(self, operator: str, dtype: str, *, elementwise: bool) -> None:
        """Note what runs next, for the case that the process does not survive it."""
        self._current.write_text(json.dumps([operator, dtype, elementwise]))

    def add_death(self) -> bool:
        """Write that the process died of what was begun; whether that is something new."""
        if not self._current.exists():
            return False
        operator, dtype, elementwise = json.loads(self._current.read_text())
        self._current.unlink()
        death = Finding("?", "?", CRASHED, "died", "the process died of it")
        self.add(Result(operator, dtype, elementwise, (death,)))
        return True

    def forget(self, only: str) -> None:
        """Drop the results of operators whose names match."""
        kept = [result for key, result in self.read().items() if not re.search(only, key[0])]
        self._path.write_text("".join(json.dumps(attrs.asdict(r)) + "\n" for r in kept))
