"""The handler, and the guards, of a run that goes on after a mistake.

What a failed statement should have made is poisoned, and what reads it is skipped, so that an error is told only if no
other explains it; a body in which something failed is seen to its end once, and given up.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from helion import Kernel, exc
from helion_compiler.program.types import BlockSize
from helion_compiler.tracing.author_terms import in_author_terms
from helion_compiler.tracing.conditions import device_condition
from helion_compiler.tracing.control import TracedControl
from helion_compiler.tracing.location import here
from helion_compiler.tracing.tiles import DeviceOnly, TracedRange, TracedTile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from helion.exc import Span
    from helion_compiler.tracing.state import Trace

    Body = Callable[..., tuple[Any, ...]]

_MOST = 10
OURS = (exc.InternalError, exc.TritonError, exc.InductorLoweringError)
"""Errors that are not about the kernel: they stand alone."""

_UNCHANGING = (
    torch.Tensor,
    torch.SymInt,
    torch.SymFloat,
    torch.dtype,
    torch.device,
    bool,
    int,
    float,
    str,
    type(None),
    type(sys),
    type(here),
    type(len),
    type,
    Kernel,
    TracedTile,
    TracedRange,
    BlockSize,
)
"""What a statement cannot leave half changed, as far as shapes and dtypes go."""


class Abandoned(Exception):  # noqa: N818  # no error: a statement that is not run
    """A statement is skipped, or a body given up at its end, for what an earlier statement did."""


class Enough(BaseException):  # passes every guard
    """The guarded run ends here."""


class _Poisoned(DeviceOnly):
    """What a name holds that a failed statement should have bound."""

    def __init__(self) -> None:
        super().__init__("poisoned")

    def refuse(self, span: Span | None = None) -> NoReturn:  # noqa: ARG002  # the base's
        raise Abandoned


_POISONED = _Poisoned()


def identity(error: exc.HelionError) -> tuple[type, Any, str]:
    """What two reports of one mistake have in common."""
    return type(error), error.diagnostic.span, error.diagnostic.message


class GuardedControl(TracedControl):
    """The handler, and the guards, of one guarded run; ``found`` are the errors so far."""

    def __init__(self, trace: Trace, filename: str) -> None:
        super().__init__(trace)
        self._trace = trace
        self._filename = filename
        self.found: dict[Any, exc.HelionError] = {}
        self._failures = 0
        self._half_changed: dict[int, Any] = {}

    def record(self, error: Exception) -> None:
        """Remember an error of the kernel's; anything else ends the run.

        Raises:
            Enough: there are enough errors, or what follows cannot be trusted.
        """
        told = in_author_terms(error, self._filename, self._trace.symbols)
        if told is None or isinstance(told, OURS):
            raise Enough
        self.found.setdefault(identity(told), told)
        if len(self.found) == _MOST:
            raise Enough

    # Guards.

    def need(
        self, names: Sequence[str], scope: Mapping[str, Any], globals_: Mapping[str, Any]
    ) -> None:
        """Skip the statement where one of ``names`` is poisoned."""
        for name in names:
            value = scope.get(name, globals_.get(name))
            if value is _POISONED or id(value) in self._half_changed:
                raise Abandoned

    def failed(
        self,
        binds: int,
        names: Sequence[str],
        scope: Mapping[str, Any],
        globals_: Mapping[str, Any],
    ) -> tuple[Any, ...]:
        """Remember why, and poison what the statement binds or may have left half changed."""
        self._failures += 1
        error = sys.exc_info()[1]
        assert isinstance(error, Exception)
        if not isinstance(error, Abandoned):
            self.record(error)
        for name in names:
            value = scope.get(name, globals_.get(name))
            if not isinstance(value, _UNCHANGING):
                self._half_changed[id(value)] = value
        if not self._trace.on_device:
            self._trace.barrier.request()  # the statement may have asked for one
        return (_POISONED,) * binds

    # Control flow: a body that failed in part is given up at its end, and leaves no open block behind.

    def loop(
        self,
        iterable: object,
        body: Body,
        names: Sequence[str],
        scope: Mapping[str, Any],
        targets: int | None,
    ) -> tuple[Any, ...]:
        """A loop whose body is seen once if it fails."""
        with self._restoring():
            return super().loop(iterable, self._whole(body), names, scope, targets)

    def branch(
        self,
        condition: object,
        then: Body,
        otherwise: Body,
        names: Sequence[str],
        scope: Mapping[str, Any],
    ) -> tuple[Any, ...]:
        """Both ways, if the device decides, also where the first fails."""
        second = self._whole(otherwise)
        try:
            with self._restoring():
                return super().branch(condition, self._whole(then), second, names, scope)
        except Abandoned:
            if device_condition(self._trace, condition) is not None:
                with self._restoring():
                    self._trace.body.open_block(())
                    second(*(scope.get(name, _POISONED) for name in names))
            raise

    def repeat(
        self,
        test: Callable[..., object],
        body: Body,
        names: Sequence[str],
        scope: Mapping[str, Any],
    ) -> tuple[Any, ...]:
        """A loop whose body is seen once if it fails."""
        with self._restoring():
            return super().repeat(test, self._whole(body), names, scope)

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """A call; nothing is printed a second time."""
        if function is print and not self._trace.on_device:
            return None
        with self._restoring():
            return super().call(function, *args, **kwargs)

    def refuse(
        self, leaving: Sequence[tuple[str, tuple[int, int, int, int] | None]], remedy: str
    ) -> NoReturn:
        """Refuse each of the statements that leave a body of the device."""
        for one in leaving:
            try:
                super().refuse([one], remedy)
            except exc.StatementNotSupported as error:
                self.record(error)
        raise Abandoned

    def _whole(self, body: Body) -> Body:
        """``body``, given up at its end where a statement of it failed."""

        def run(*values: Any) -> tuple[Any, ...]:
            before = self._failures
            after = body(*values)
            if self._failures != before or any(value is _POISONED for value in after):
                raise Abandoned
            return after

        return run

    @contextmanager
    def _restoring(self) -> Iterator[None]:
        mark = self._trace.body.mark()
        try:
            yield
        except BaseException:
            self._trace.body.rewind(mark)
            raise
