"""``tuned.lock.json``: the points that were chosen, one entry per kernel and key, for people to read and to commit.

In: results. Out: the same, found by kernel and key. The file is sorted, so that two people who tune different kernels
merge their changes; it is written beside and renamed, under a lock on its folder, so that processes may share it.
Keys that are JSON objects, as most are, stand in it as such.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.json_values import canonical_text, freeze
from helion_autotune.point import Point
from helion_autotune.text_files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows: the last of two who write at once wins
    fcntl = None  # type: ignore[assignment]  # a module or None

FORMAT_VERSION = 1


class LockFileError(Exception):
    """The lock file cannot be read or written."""


@attrs.frozen
class LockedResult:
    """``point`` is what ``kernel`` runs with under ``key``; ``milliseconds`` is what it took when it was chosen."""

    kernel: str
    key: str
    point: Point
    milliseconds: float | None = None


@attrs.frozen
class LockFile:
    """The lock file at ``path``; it is read anew whenever it is asked."""

    path: Path = attrs.field(converter=Path)

    def find(self, kernel: str, key: str) -> LockedResult | None:
        """The entry of this kernel and key, or None."""
        wanted = _same(key)
        for one in self.results(kernel):
            if _same(one.key) == wanted:
                return one
        return None

    def results(self, kernel: str | None = None) -> tuple[LockedResult, ...]:
        """Every entry, or those of one kernel, in order; none where there is no file.

        Raises LockFileError for what is no lock file, and for one of another format.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise LockFileError(f"cannot read {self.path}: {error.strerror or error}") from error
        found = self._parsed(text)
        return tuple(one for one in found if kernel is None or one.kernel == kernel)

    def add(self, result: LockedResult) -> None:
        """Write an entry, in the place of one with the same kernel and key; raises LockFileError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self.path.parent):
                kept = {(one.kernel, _same(one.key)): one for one in self.results()}
                kept[result.kernel, _same(result.key)] = result
                write_text(self.path, _text([kept[name] for name in sorted(kept)]))
        except OSError as error:
            raise LockFileError(f"cannot write {self.path}: {error.strerror or error}") from error

    def _parsed(self, text: str) -> list[LockedResult]:
        try:
            content = json.loads(text)
            if content["format"] != FORMAT_VERSION:
                raise LockFileError(
                    f"{self.path} has format {content['format']!r}, this version of helion-autotune reads "
                    f"and writes format {FORMAT_VERSION}. Tune anew into another file"
                )
            return [_result(entry) for entry in content["results"]]
        except (ValueError, KeyError, TypeError) as error:
            raise LockFileError(
                f"{self.path} is no lock file of helion-autotune ({type(error).__name__}: {error}). "
                "Was a merge left half done? Mend it, or delete it and tune anew"
            ) from error


def _result(entry: dict[str, Any]) -> LockedResult:
    key = entry["key"]
    text = key if isinstance(key, str) else json.dumps(key, sort_keys=True)
    return LockedResult(entry["kernel"], text, Point(entry["point"]), entry.get("milliseconds"))


def _text(results: list[LockedResult]) -> str:
    """The file's text: an entry is a few lines, so that a changed point is a changed line."""
    entries = []
    for one in results:
        fields: dict[str, Any] = {
            "kernel": one.kernel,
            "key": _object(one.key) or one.key,
            "point": one.point.to_json(),
        }
        if one.milliseconds is not None:
            fields["milliseconds"] = float(f"{one.milliseconds:.5g}")
        lines = [
            f"   {json.dumps(name)}: {json.dumps(value, sort_keys=name == 'key', ensure_ascii=False)}"
            for name, value in fields.items()
        ]
        entries.append("  {\n" + ",\n".join(lines) + "\n  }")
    body = ",\n".join(entries)
    return f'{{\n "format": {FORMAT_VERSION},\n "results": [\n{body}\n ]\n}}\n'


def _object(key: str) -> dict[str, Any] | None:
    """The JSON object that a key is, if it is one."""
    try:
        found = json.loads(key)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _same(key: str) -> str:
    """What is equal for two keys that say the same, however they are spaced."""
    found = _object(key)
    return key if found is None else canonical_text(freeze(found))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone among those who write into ``folder``."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # which unlocks
