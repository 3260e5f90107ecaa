"""A file of what has compiled, by what the compiler was asked: a source compiles once, whichever run or commit drew it.

Only successes are kept: what failed or took too long is compiled again by the next run, which may have another
compiler or more time. Files of several machines become one by joining them.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LEFT_OUT = ("file",)
"""Of a request: what no instruction depends on."""


@attrs.define(eq=False)
class Compiled:
    """The shared memory, in bytes, that each binary needs which was made so far, in this process or another one.

    Attributes:
        compiler: the version of Triton that compiles, which comes with an assembler.
        path: where it is kept, one line of JSON a binary; None for this process alone.
    """

    compiler: str
    path: Path | None = None
    _shared: dict[str, int] = attrs.field(factory=dict, init=False)
    _read: int = attrs.field(default=0, init=False)
    """Bytes of the file that are known."""

    def shared(self, request: Mapping[str, Any]) -> int | None:
        """What the binary of a request needs; None if none is known."""
        key = self._key(request)
        if key not in self._shared:
            self._read_on()
        return self._shared.get(key)

    def add(self, request: Mapping[str, Any], shared: int) -> None:
        """Remember a binary. Several processes may add to one file."""
        key = self._key(request)
        self._shared[key] = shared
        if self.path is not None:
            line = {"key": key, "shared": shared, "for": str(request["architecture"])}
            with self.path.open("a") as file:
                file.write(json.dumps(line) + "\n")

    def _read_on(self) -> None:
        """Take in what was added to the file since it was last read."""
        if self.path is None or not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if line.endswith(b"\n"):  # the last one may be half written
                    self._read += len(line)
                    self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            self._shared[entry["key"]] = entry["shared"]
        except (ValueError, KeyError):  # two processes were ended and begun in the middle of it
            return

    def _key(self, request: Mapping[str, Any]) -> str:
        asked = {name: value for name, value in request.items() if name not in _LEFT_OUT}
        text = json.dumps([self.compiler, asked], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
