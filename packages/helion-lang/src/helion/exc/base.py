"""The root of every error that Helion raises on purpose.

A subclass is one problem. Its prose is class constants: ``title`` and ``message`` say what is wrong, ``help`` what
to do; braces in ``message`` and ``help`` name the fields that whoever raises it passes as keywords.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from helion.exc.diagnostic import Diagnostic
from helion.exc.rendering import render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion.exc.diagnostic import Span


class HelionError(Exception):
    """A problem with a place, a reason and a remedy; ``str()`` is the rendered :attr:`diagnostic`.

    Args:
        span: the user's expression that is at fault.
        secondary: further places with their labels.
        notes: facts that explain the problem.
        fields: exactly the names in :meth:`fields`, formatted into the class's templates.

    Raises:
        TypeError: a field is missing, or unknown.
    """

    title: ClassVar[str]
    message: ClassVar[str]
    help: ClassVar[str]

    diagnostic: Diagnostic

    def __init__(
        self,
        *,
        span: Span | None = None,
        secondary: Iterable[tuple[Span, str]] = (),
        notes: Iterable[str] = (),
        **fields: object,
    ) -> None:
        expected = self.fields()
        if set(fields) != set(expected):
            raise TypeError(
                f"{type(self).__name__} takes the fields {list(expected)}, got {sorted(fields)}"
            )
        self.diagnostic = Diagnostic(
            title=self.title,
            message=self.message.format(**fields),
            span=span,
            secondary=tuple(secondary),
            notes=tuple(notes),
            help=self.help.format(**fields),
        )
        super().__init__(self.diagnostic.message)

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        """The names of the fields that the templates mention, in order of appearance."""
        parts = string.Formatter().parse(f"{cls.message}\n{cls.help}")
        return tuple(dict.fromkeys(name for _, name, _, _ in parts if name))

    def locate(self, span: Span | None) -> None:
        """Add the place, if the error does not have one yet; for whoever catches it on its way out."""
        if self.diagnostic.span is None:
            self.diagnostic = attrs.evolve(self.diagnostic, span=span)

    @classmethod
    def from_diagnostic(cls, diagnostic: Diagnostic) -> HelionError:
        """This error around a finished diagnostic, such as one with a place added."""
        error = cls.__new__(cls, diagnostic.message)
        error.args = (diagnostic.message,)
        error.diagnostic = diagnostic
        return error

    def __reduce__(self) -> tuple[Any, ...]:
        # Tuning compiles in other processes: errors travel with their diagnostic, not their keywords.
        return (self.from_diagnostic, (self.diagnostic,))

    def report(self, *, color: bool = False) -> str:
        """The error as people read it, of several lines; ``color`` adds ANSI escapes."""
        return render(self.diagnostic, color=color)

    def __str__(self) -> str:
        return self.report()
