"""Deciding on a point without measuring where somebody has decided already: lock files, frozen runs, ranks that agree.

``helion_autotune.autotune`` and Helion's compiler both ask :class:`Chooser` before they tune.
"""

from helion_autotune.choosing.agreement import RanksDisagreeError, agreed
from helion_autotune.choosing.chooser import Chooser, NotTunedError, Question
from helion_autotune.choosing.lock_file import LockedResult, LockFile, LockFileError

__all__ = [
    "Chooser",
    "LockFile",
    "LockFileError",
    "LockedResult",
    "NotTunedError",
    "Question",
    "RanksDisagreeError",
    "agreed",
]
