"""No fault of ours, or of a tool below, reaches an author bare: it keeps its place and leaves a reproducer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from helion import exc
from helion_compiler.reproducer import reproducer, write_reproducer
from helion_compiler.tracing.location import raised_by_author

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion import Config, Settings
    from helion_compiler.tracing.arguments import Call

_OF_TOOLS = (exc.TritonError, exc.ErrorCompilingKernel, exc.InternalError)


@contextmanager
def reported(
    call: Call,
    settings: Settings,
    stage: str,
    config: Config | None = None,
    *,
    runs_author: bool = False,
) -> Iterator[None]:
    """What an author sees of a failure within: an error of Helion's, with a note that names the reproducer.

    Where the author's code runs (``runs_author``), what its ``raise`` and ``assert`` raise stays as it is.

    Raises:
        helion.exc.InternalError: something else that is no error of Helion's was raised.
    """
    try:
        yield
    except _OF_TOOLS as error:
        _add_note(error, call, settings, config)
        raise
    except (exc.HelionError, TimeoutError):
        raise
    except Exception as error:
        if runs_author and raised_by_author(error):
            raise
        function = call.kernel.original
        told = exc.InternalError(
            span=exc.Span.from_traceback(error.__traceback__, function.__code__.co_filename)
            or exc.Span.of_definition(function),
            reason=f"{type(error).__name__} while helion was to {stage}: {error}",
        )
        _add_note(told, call, settings, config)
        raise told from error


def _add_note(
    error: exc.HelionError, call: Call, settings: Settings, config: Config | None
) -> None:
    """Write a reproducer, once for each error, and say where."""
    if any("reproduces this" in note for note in error.diagnostic.notes):
        return
    text = reproducer(call, settings, config, problem=error.diagnostic.message)
    path = write_reproducer(text, call.kernel.original.__name__)
    if path is not None:
        notes = (*error.diagnostic.notes, f"`python {path}` reproduces this")
        error.diagnostic = attrs.evolve(error.diagnostic, notes=notes)
