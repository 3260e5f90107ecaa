"""Several independent errors of one kernel, told at once."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

from helion.exc.base import HelionError

if TYPE_CHECKING:
    from collections.abc import Sequence


class SeveralErrors(HelionError):
    """At least two independent errors of one kernel, in the order in which they were met.

    It is an error of every class that one of them has, so that ``except helion.exc.ShapeMismatch`` catches what has a
    shape mismatch among others, too. ``diagnostic`` is the first one's. Made by :func:`several`.

    Attributes:
        errors: one for each problem, each of its own class.
    """

    title: ClassVar[str] = "several errors"
    message: ClassVar[str] = "several independent errors"
    help: ClassVar[str] = "see `.errors`"

    errors: tuple[HelionError, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return (several, (list(self.errors),))

    def report(self, *, color: bool = False) -> str:
        """Each error in full, and how many there are."""
        reports = [error.report(color=color) for error in self.errors]
        return "\n\n".join([*reports, f"{len(self.errors)} errors"])


def several(errors: Sequence[HelionError]) -> HelionError:
    """One error that tells of ``errors``: the only one itself, or :class:`SeveralErrors`."""
    if len(errors) == 1:
        return errors[0]
    kinds = tuple(dict.fromkeys(type(error) for error in errors))
    together: SeveralErrors = _class_of(kinds).from_diagnostic(errors[0].diagnostic)
    together.errors = tuple(errors)
    return together


@functools.cache
def _class_of(kinds: tuple[type[HelionError], ...]) -> Any:
    """A class under the same name that is each of ``kinds`` as well; one per choice of them, so pickling is stable."""
    # A class that another one derives from is that one already.
    bases = tuple(k for k in kinds if not any(o is not k and issubclass(o, k) for o in kinds))
    return type(SeveralErrors.__name__, (SeveralErrors, *bases), {"__module__": __name__})
