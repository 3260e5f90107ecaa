"""Loop functions that were called and wait for the ``for`` that walks what they gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from helion import exc

if TYPE_CHECKING:
    from helion.exc import Span

RangeT = TypeVar("RangeT")


class WaitingLoops:
    """The ranges of one trace that no loop has begun to walk, with the function that made each and its place."""

    def __init__(self) -> None:
        self._waiting: dict[object, tuple[str, Span | None]] = {}

    def wait(self, range_: RangeT, function: str, span: Span | None) -> RangeT:
        """Expect a loop over a range; gives the range back."""
        self._waiting[range_] = function, span
        return range_

    def enter(self, range_: object) -> None:
        """A loop over a range begins."""
        self._waiting.pop(range_, None)

    def check(self) -> None:
        """Refuse the end of a kernel with a loop function that was called in vain.

        Raises:
            LoopFunctionNotInFor: one was.
            SeveralErrors: several were.
        """
        found = [
            exc.LoopFunctionNotInFor(span=span, function=function)
            for function, span in self._waiting.values()
        ]
        if found:
            raise exc.several(found)
