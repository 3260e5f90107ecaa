"""The order in which a point is looked for: the lock file, what is stored, tuning, unless the run is frozen.

``frozen`` refuses to tune and says what is missing. With a lock file, a frozen run takes its points from there alone,
so that it runs the same everywhere; without one, from what is stored. A run that is not frozen writes what it chose
into the lock file. Three environment variables stand in for arguments: ``HELION_AUTOTUNE_LOCK`` (a path),
``HELION_AUTOTUNE_FROZEN=1`` and ``HELION_AUTOTUNE_AGREE=1`` (ranks of a job agree).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.choosing.agreement import agreed
from helion_autotune.choosing.lock_file import LockedResult, LockFile
from helion_autotune.similar_keys import key_difference, key_distance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_autotune.point import Point
    from helion_autotune.space import Space

PREFIX = "HELION_AUTOTUNE_"


class NotTunedError(RuntimeError):
    """A frozen run needs a point that nobody has chosen."""


@attrs.frozen
class Question:
    """What a point is needed for: a kernel's name, a key that holds all that the choice depends on, and the space."""

    kernel: str
    key: str
    space: Space = attrs.field(eq=False, repr=False)

    def __str__(self) -> str:
        return f"{self.kernel} under {self.key}"


@attrs.frozen
class Chooser:
    """Where to look. ``agree``: True for all ranks of a job, or a process group of ``torch.distributed``."""

    lock: LockFile | None = None
    frozen: bool = False
    agree: Any = False

    @classmethod
    def of(
        cls,
        lock: LockFile | str | os.PathLike[str] | None = None,
        *,
        frozen: bool | None = None,
        agree: Any = None,
        environment: Mapping[str, str] = os.environ,
    ) -> Chooser:
        """What is None is as the environment says; raises ValueError for words there that are neither yes nor no."""
        if lock is None:
            lock = environment.get(f"{PREFIX}LOCK") or None
        return cls(
            lock if lock is None or isinstance(lock, LockFile) else LockFile(lock),
            _switch("FROZEN", environment) if frozen is None else frozen,
            _switch("AGREE", environment) if agree is None else agree,
        )

    def choose(
        self,
        question: Question,
        *,
        stored: Callable[[], Point | None],
        tuned: Callable[[], LockedResult],
        anew: bool = False,
    ) -> Point:
        """The point to run: an earlier choice that the space still has, else, or ``anew``, what ``tuned`` finds.

        Raises NotTunedError where the run is frozen, LockFileError for a lock file that cannot be used,
        RanksDisagreeError where ranks that should agree cannot, and what ``stored`` and ``tuned`` raise.
        """
        if self.agree is False:
            return self._decide(question, stored, tuned, anew=anew)
        group = None if self.agree is True else self.agree
        return agreed(
            str(question), lambda: self._decide(question, stored, tuned, anew=anew), group
        )

    def _decide(
        self,
        question: Question,
        stored: Callable[[], Point | None],
        tuned: Callable[[], LockedResult],
        *,
        anew: bool,
    ) -> Point:
        if anew and self.frozen:
            raise NotTunedError(f"this run is frozen, and {question} is to be tuned anew")
        if anew:
            return self._locked(tuned())
        locked = None if self.lock is None else self.lock.find(question.kernel, question.key)
        if locked is not None and not question.space.check(locked.point):
            return locked.point
        if self.frozen and self.lock is not None:
            raise NotTunedError(_missing(question, self.lock, locked))
        found = stored()
        if found is None and self.frozen:
            raise NotTunedError(
                f"this run is frozen, and nothing is stored for {question}. {_ways_out(question)}"
            )
        known = None if found is None else LockedResult(question.kernel, question.key, found)
        return self._locked(known or tuned())

    def _locked(self, result: LockedResult) -> Point:
        if self.lock is not None:
            self.lock.add(result)
        return result.point


def _missing(question: Question, lock: LockFile, stale: LockedResult | None) -> str:
    """What a frozen run misses in its lock file, and what is nearest to it there."""
    if stale is not None:
        reasons = "; ".join(
            map(str, question.space.check(question.space.point(_shared(stale, question))))
        )
        strangers = sorted(stale.point.keys() - question.space.parameters.keys())
        reasons = reasons or f"it has {strangers}, which the space has no longer"
        return (
            f"this run is frozen, and the entry of {lock.path} for {question} no longer fits: {reasons}. "
            f"{_ways_out(question)}"
        )
    others = sorted(
        lock.results(question.kernel), key=lambda one: key_distance(one.key, question.key)
    )
    nearest = (
        f"; its nearest entry differs in {key_difference(others[0].key, question.key)}"
        if others
        else ""
    )
    count = (
        "no entry"
        if not others
        else f"{len(others)} other entries"
        if len(others) > 1
        else "another entry"
    )
    return (
        f"this run is frozen, and {lock.path} has no entry for {question}: "
        f"it has {count} for {question.kernel}{nearest}. {_ways_out(question)}"
    )


def _shared(stale: LockedResult, question: Question) -> dict[str, Any]:
    return {name: value for name, value in stale.point.items() if name in question.space.parameters}


def _ways_out(question: Question) -> str:
    return (
        f"Run {question.kernel} once with these arguments on a GPU, not frozen "
        f"({PREFIX}FROZEN=0, frozen=False), and commit the lock file"
    )


def _switch(name: str, environment: Mapping[str, str]) -> bool:
    word = environment.get(PREFIX + name, "").strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("", "0", "false", "no", "off"):
        return False
    raise ValueError(f"{PREFIX}{name}={word!r} is neither 1 nor 0")
