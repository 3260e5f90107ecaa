"""``hl.barrier()`` between outermost loops, and the memory in which programs count themselves at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helion_compiler.program.types import Buffer


class Barriers:
    """The barriers of one kernel. A barrier takes effect at the next outermost loop.

    ``counter`` is one int32, zero at the start of each call.
    """

    def __init__(self) -> None:
        self.counter: Buffer | None = None
        self._requested = False

    def request(self) -> None:
        """Put a barrier before the next outermost loop."""
        self._requested = True

    def take_request(self) -> bool:
        """Whether a barrier was asked for since the last loop."""
        requested, self._requested = self._requested, False
        return requested
