"""The configs of records: what searches have found, as the cache directory of the machine that tuned keeps it.

In: a cache directory (the setting ``autotune_cache``, ``~/.cache/helion`` by default), which has one file of records
for each kernel, or one such file. Records are read once, when the first config is asked for.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from helion_autotune import Records, RecordsError
from helion_autotune.record_files import PATTERNS, files_inside
from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.bundling.tuned_configs import Key, TunedConfigs, TunedResult, key_object

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from helion_autotune import Point, Space


@attrs.frozen(eq=False)
class _Line:
    """A result as it was recorded."""

    kernel: str
    text: str
    key: Key
    fingerprint: str
    point: Point


@attrs.frozen(eq=False)
class _Content:
    lines: tuple[_Line, ...]
    unfinished: tuple[tuple[Key, str], ...]


def _expanded(given: str | os.PathLike[str]) -> Path:
    return Path(given).expanduser()


@attrs.frozen(slots=False)
class RecordedConfigs(TunedConfigs):
    """The latest results of records; ``tuned_on`` names a GPU where there are several of one architecture."""

    path: Path = attrs.field(converter=_expanded)
    tuned_on: str | None = None

    @property
    def place(self) -> str:
        """The file or directory."""
        return str(self.path)

    def results(self, space: Space) -> Sequence[TunedResult]:
        """The latest result of each kernel and key: of this space, if there is one.

        Raises:
            BundleRequestError: there is neither a result nor a search that has begun, or something is no records.
        """
        fingerprint = space.fingerprint
        latest: dict[tuple[str, str], _Line] = {}
        for line in self._content.lines:
            known = latest.get((line.kernel, line.text))
            if known is None or line.fingerprint == fingerprint or known.fingerprint != fingerprint:
                latest[line.kernel, line.text] = line
        return [
            TunedResult(line.kernel, line.key, line.point, line.fingerprint == fingerprint)
            for line in latest.values()
        ]

    def unfinished(self) -> Sequence[tuple[Key, str]]:
        """Searches that have begun and left no result, and how much each has measured."""
        return self._content.unfinished

    @cached_property
    def _content(self) -> _Content:
        files = files_inside(self.path) if self.path.is_dir() else [self.path]
        contents = [_read(path) for path in files]
        content = _Content(
            tuple(line for one in contents for line in one.lines),
            tuple(search for one in contents for search in one.unfinished),
        )
        if not content.lines and not content.unfinished:
            raise BundleRequestError(
                problem=f"{self.path} has no records of tuned kernels, or is not there",
                remedy="give the directory that the setting autotune_cache names on the machine that tuned, or a "
                "copy of it",
            )
        return content


def is_records(path: Path) -> bool:
    """Whether a path is one of records, and not of a lock file."""
    return path.is_dir() or any(path.match(pattern) for pattern in PATTERNS)


def _read(path: Path) -> _Content:
    kernel = path.name.removesuffix(".gz").removesuffix(".jsonl")
    records = Records(path)
    try:
        found = [(line, key_object(line.key)) for line in records.results()]
        begun = dict.fromkeys(line.key for line in records.sessions())
        measured = Counter(line.key for line in records.trial_lines())
    except RecordsError as error:
        raise BundleRequestError(
            problem=str(error), remedy="give other records, or none"
        ) from error
    lines = [
        _Line(kernel, line.key, key, line.fingerprint, line.result.point)
        for line, key in found
        if key is not None
    ]
    ended = {line.text for line in lines}
    unfinished = [
        (key, f"{measured[text]} configs are measured, and there is no result yet")
        for text in begun
        if text not in ended and (key := key_object(text)) is not None
    ]
    return _Content(tuple(lines), tuple(unfinished))
