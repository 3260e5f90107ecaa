"""Which memory a kernel has written to, and when: before, within or between its outermost loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.exc import LoopDependencyError, TopLevelStatementBetweenLoops
from helion.reference.callers import name_of

if TYPE_CHECKING:
    import torch

    from helion.exc import Span


class WrittenMemory:
    """The memory of one run, by its addresses; tensors written to are kept, so that no other takes their place.

    Attributes:
        between: where the host used what a loop wrote, since the latest outermost loop.
    """

    def __init__(self) -> None:
        self.between: Span | None = None
        self._written: dict[int, torch.Tensor] = {}
        self._now: set[int] = set()
        self._earlier: set[int] = set()
        self._by_loops: set[int] = set()

    def note(self, tensor: torch.Tensor, *, in_loop: bool) -> None:
        """Remember that ``tensor`` was written to."""
        self._written.setdefault(tensor.data_ptr(), tensor)
        if in_loop:
            self._now.add(_storage(tensor))

    def includes(self, tensor: torch.Tensor) -> bool:
        """Whether memory that ``tensor`` shares was written to."""
        start = _storage(tensor)
        end = start + tensor.untyped_storage().nbytes()
        return any(start <= address < end for address in self._written)

    def check_read(self, tensor: torch.Tensor) -> None:
        """Refuse to read in a loop what an earlier outermost one wrote, without a barrier between."""
        if _storage(tensor) in self._earlier:
            raise LoopDependencyError(tensor=name_of(tensor))

    def by_loops(self, tensor: torch.Tensor) -> bool:
        """Whether a loop has written to ``tensor``."""
        return _storage(tensor) in self._by_loops | self._now

    def begin_outermost_loop(self) -> None:
        """What loops wrote before is now earlier; what the host did with it should not have been."""
        if self.between is not None:
            raise TopLevelStatementBetweenLoops(span=self.between)
        self._earlier |= self._now
        self._by_loops |= self._now
        self._now.clear()

    def pass_barrier(self) -> None:
        """What loops wrote before may be read from now on."""
        self._by_loops |= self._now
        self._now.clear()
        self._earlier.clear()


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
