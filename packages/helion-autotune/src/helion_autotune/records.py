"""Records: a file of JSON lines, one per evaluation and one per finished session, that many processes may share.

In: trials and results. Out: the same, found by the space's fingerprint and the caller's key. A line is appended by
one write under a file lock (where the platform has one), so a killed process leaves at most one torn line, which
is skipped, and closed off by whoever appends next. Times of lines are UTC.

A line of a trial: ``format, kind="trial", space, key, point, status, milliseconds, compile_seconds, error, time``;
a line of a result: ``format, kind="result", space, key, point, milliseconds, seconds, evaluations,
stopped_because, time``. ``milliseconds`` is null for a failure. What reports and replays need besides: once per space
``format, kind="space", space, description, time``, and for each session ``format, kind="session", space, key,
seeds, default, time``. Records that end in ``.gz`` are compressed, and only read.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.point import Point
from helion_autotune.trial import Status, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from helion_autotune.space import Space

try:
    import fcntl
except ImportError:  # Windows: appends of one short write are as atomic as they get
    fcntl = None  # type: ignore[assignment]  # a module or None

FORMAT_VERSION = 1


class RecordsError(Exception):
    """The records cannot be read or written."""


@attrs.frozen
class StoredResult:
    """What a finished session found: the best point and its time in milliseconds."""

    point: Point
    milliseconds: float
    seconds: float
    evaluations: int
    stopped_because: str


@attrs.frozen
class SessionLine:
    """When a session began (UTC, ISO 8601), under which space and key, its seeds, and the space's default point."""

    fingerprint: str
    key: str
    seeds: tuple[Point, ...]
    default: Point
    time: str


@attrs.frozen
class TrialLine:
    """A recorded trial with what it is recorded under, and when it ended (UTC, ISO 8601)."""

    fingerprint: str
    key: str
    trial: Trial
    time: str


@attrs.frozen
class ResultLine:
    """A stored result with what it is stored under."""

    fingerprint: str
    key: str
    result: StoredResult


def utc_now() -> str:
    """The time of day, for people."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Records:
    """The records at ``path``; nothing is read or written before a method is called."""

    def __init__(self, path: str | os.PathLike[str], *, now: Callable[[], str] = utc_now) -> None:
        self.path = Path(path)
        self._now = now

    def check(self) -> None:
        """Raise RecordsError where the file is something else than records, or of a foreign format."""
        for _ in self._lines():
            pass

    def prepare(self) -> None:
        """Make the file and its folder; raises RecordsError when it cannot be written or is something else."""
        if self.path.suffix == ".gz":
            raise RecordsError(
                f"cannot append to {self.path}: compressed records are only read. Unpack them first"
            )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab"):
                pass
        except OSError as error:
            raise RecordsError(
                f"cannot write records to {self.path}: {error.strerror or error}. "
                "Choose a path in a folder that you may write to, or pass records=None to keep none"
            ) from error
        self.check()  # before any work is done

    def trials(self, fingerprint: str, key: str) -> dict[Point, Trial]:
        """The recorded trials of one space and key, by point; a later line wins."""
        return {
            trial.point: trial for trial in map(_trial, self._matching("trial", fingerprint, key))
        }

    def earlier_trials(self, space: Space, key: str) -> dict[Point, Trial]:
        """Recorded trials of points of ``space`` under ``key`` from sessions whose space was another one.

        A space that has gained a value, as a list has a config, or lost a constraint, has the same parameters and
        therefore means the same by a point. An empty key says nothing of what was measured: there are none then.
        """
        if not key:
            return {}
        names = set(space.parameters)
        alike: set[str] = set()
        found: dict[Point, Trial] = {}
        for line in self._lines():
            if line["kind"] == "space":
                described = line["description"]["parameters"]
                if {name for name, _ in described} == names and line["space"] != space.fingerprint:
                    alike.add(line["space"])
            elif line["kind"] == "trial" and line["key"] == key and line["space"] in alike:
                trial = _trial(line)
                found[trial.point] = trial
        return {point: trial for point, trial in found.items() if not space.check(point)}

    def trial_lines(self) -> Iterator[TrialLine]:
        """Every recorded trial, oldest first."""
        for line in self._lines():
            if line["kind"] == "trial":
                yield TrialLine(line["space"], line["key"], _trial(line), line["time"])

    def result(self, fingerprint: str, key: str) -> StoredResult | None:
        """The latest result of one space and key, or None."""
        latest = None
        for line in self._matching("result", fingerprint, key):
            latest = line
        return None if latest is None else _result(latest)

    def results(self) -> Iterator[ResultLine]:
        """Every stored result, oldest first."""
        for line in self._lines():
            if line["kind"] == "result":
                yield ResultLine(line["space"], line["key"], _result(line))

    def descriptions(self) -> dict[str, dict[str, Any]]:
        """What :meth:`Space.describe` said of each space, by fingerprint."""
        return {
            line["space"]: line["description"] for line in self._lines() if line["kind"] == "space"
        }

    def sessions(self) -> Iterator[SessionLine]:
        """Every session that began, oldest first."""
        for line in self._lines():
            if line["kind"] == "session":
                seeds = tuple(map(Point, line["seeds"]))
                yield SessionLine(
                    line["space"], line["key"], seeds, Point(line["default"]), line["time"]
                )

    def add_session(self, space: Space, key: str, seeds: Sequence[Point]) -> None:
        """Append that a session begins, and what its space is, unless an earlier one has said so."""
        if space.fingerprint not in self.descriptions():
            described = {"description": space.describe()}
            self._append(
                {"format": FORMAT_VERSION, "kind": "space", "space": space.fingerprint, **described}
            )
        self._append(
            {
                "format": FORMAT_VERSION,
                "kind": "session",
                "space": space.fingerprint,
                "key": key,
                "seeds": [seed.to_json() for seed in seeds],
                "default": space.default.to_json(),
            }
        )

    def add_trial(self, fingerprint: str, key: str, trial: Trial) -> None:
        """Append one trial."""
        self._append(
            {
                "format": FORMAT_VERSION,
                "kind": "trial",
                "space": fingerprint,
                "key": key,
                "point": trial.point.to_json(),
                "status": trial.status.value,
                "milliseconds": trial.milliseconds if trial.ok else None,
                "compile_seconds": round(trial.compile_seconds, 6),
                "error": trial.error,
            }
        )

    def add_result(self, fingerprint: str, key: str, result: StoredResult) -> None:
        """Append one result."""
        self._append(
            {
                "format": FORMAT_VERSION,
                "kind": "result",
                "space": fingerprint,
                "key": key,
                "point": result.point.to_json(),
                "milliseconds": result.milliseconds,
                "seconds": round(result.seconds, 3),
                "evaluations": result.evaluations,
                "stopped_because": result.stopped_because,
            }
        )

    def _append(self, line: dict[str, Any]) -> None:
        text = json.dumps({**line, "time": self._now()}, separators=(",", ":"), allow_nan=False)
        data = text.encode() + b"\n"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        try:
            descriptor = os.open(self.path, flags, 0o644)
            try:
                with _locked(descriptor):
                    if _torn(descriptor):
                        data = b"\n" + data
                    written = os.write(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise RecordsError(
                f"cannot append to {self.path}: {error.strerror or error}"
            ) from error
        if written < len(data):
            raise RecordsError(
                f"cannot append to {self.path}: only part of a line was written; is the disk full?"
            )

    def _matching(self, kind: str, fingerprint: str, key: str) -> Iterator[dict[str, Any]]:
        for line in self._lines():
            if line["kind"] == kind and line["space"] == fingerprint and line["key"] == key:
                yield line

    def _lines(self) -> Iterator[dict[str, Any]]:
        """Every whole line. Torn ones are skipped, but a file that holds something else is refused."""
        try:
            content = self.path.read_bytes()
            if self.path.suffix == ".gz":
                import gzip

                content = gzip.decompress(content)
        except FileNotFoundError:
            return
        except (OSError, EOFError) as error:
            raise RecordsError(
                f"cannot read records from {self.path}: {getattr(error, 'strerror', None) or error}"
            ) from error
        found = False
        lines = content.splitlines(keepends=True)
        for number, text in enumerate(lines, start=1):
            line = _parse(text)
            if line is not None:
                found = True
                self._check_format(line, number)
                yield line
        if not found and lines and not b'{"format"'.startswith(content[:9]):
            raise RecordsError(
                f"{self.path} is not a file of helion-autotune records: no line is a record. "
                "Choose another path"
            )

    def _check_format(self, line: dict[str, Any], number: int) -> None:
        if line["format"] != FORMAT_VERSION:
            raise RecordsError(
                f"{self.path}, line {number}: records of format {line['format']!r}, "
                f"this version of helion-autotune reads and writes format {FORMAT_VERSION}. "
                "Choose another path, or move the file away to tune anew"
            )


def _parse(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "format" in line else None


def _trial(line: dict[str, Any]) -> Trial:
    milliseconds = line["milliseconds"]
    return Trial(
        Point(line["point"]),
        Status(line["status"]),
        math.inf if milliseconds is None else milliseconds,
        line["compile_seconds"],
        line["error"],
    )


def _result(line: dict[str, Any]) -> StoredResult:
    return StoredResult(
        Point(line["point"]),
        line["milliseconds"],
        line["seconds"],
        line["evaluations"],
        line["stopped_because"],
    )


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _torn(descriptor: int) -> bool:
    """Whether the file ends in the middle of a line."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"
