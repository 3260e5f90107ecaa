"""What an exception means for a trial: its status, and its text, of bounded length as a compiler may print a module."""

from __future__ import annotations

from helion_autotune.trial import Status
from helion_autotune.workload import WrongResult

#: Errors are cut to this many characters.
ERROR_LENGTH = 2000


def error_text(error: BaseException) -> str:
    """``Type: message``, of bounded length."""
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    return text if len(text) <= ERROR_LENGTH else text[:ERROR_LENGTH] + " …"


def failure_status(error: Exception) -> Status:
    """The status of a candidate whose measuring raised ``error``."""
    if isinstance(error, WrongResult):
        return Status.WRONG_RESULT
    return Status.TIMEOUT if isinstance(error, TimeoutError) else Status.RUN_ERROR
