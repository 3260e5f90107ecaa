"""Which memory a kernel has written to, and when: before, within or between its outermost loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion.exc import LoopDependencyError, TopLevelStatementBetweenLoops
from helion.reference.callers import name_of

if TYPE_CHECKING:
    import torch

    from helion.exc import Span


class WrittenMemory:
    """The memory of one run, by its addresses; tensors written to are kept, so that no other takes their place.

    Outermost loops without a barrier between them run at the same time. So what one writes, no other may touch.

    Attributes:
        between: where the host used what a loop wrote, since the latest outermost loop.
    """

    def __init__(self) -> None:
        self.between: Span | None = None
        self._kept: dict[int, torch.Tensor] = {}
        self._now = _Touched()
        self._earlier = _Touched()
        self._written_by_loops: set[int] = set()

    def note_write(self, tensor: torch.Tensor, *, in_loop: bool) -> None:
        """Remember that ``tensor`` is written to.

        Raises:
            LoopDependencyError: in a loop, after an earlier one touched it.
        """
        self._kept.setdefault(tensor.data_ptr(), tensor)
        if in_loop:
            storage = _storage(tensor)
            if storage in self._earlier.read | self._earlier.written:
                how = "written" if storage in self._earlier.written else "read"
                raise LoopDependencyError(
                    tensor=name_of(tensor), notes=(f"it is {how} there, and written here",)
                )
            self._now.written.add(storage)
            self._written_by_loops.add(storage)

    def note_read(self, tensor: torch.Tensor) -> None:
        """Remember that a loop reads ``tensor``.

        Raises:
            LoopDependencyError: after an earlier loop wrote to it.
        """
        storage = _storage(tensor)
        if storage in self._earlier.written:
            raise LoopDependencyError(
                tensor=name_of(tensor), notes=("it is written there, and read here",)
            )
        self._now.read.add(storage)

    def includes(self, tensor: torch.Tensor) -> bool:
        """Whether memory that ``tensor`` shares was written to."""
        start = _storage(tensor)
        end = start + tensor.untyped_storage().nbytes()
        return any(start <= address < end for address in self._kept)

    def by_loops(self, tensor: torch.Tensor) -> bool:
        """Whether a loop has written to ``tensor``."""
        return _storage(tensor) in self._written_by_loops

    def touched_by_loops(self, tensor: torch.Tensor) -> bool:
        """Whether a loop has read ``tensor`` or written to it, since the latest barrier."""
        storage = _storage(tensor)
        return any(storage in one.read | one.written for one in (self._now, self._earlier))

    def begin_outermost_loop(self) -> None:
        """What loops touched before is now earlier; what the host did with it should not have been."""
        if self.between is not None:
            raise TopLevelStatementBetweenLoops(span=self.between)
        self._earlier.read |= self._now.read
        self._earlier.written |= self._now.written
        self._now = _Touched()

    def pass_barrier(self) -> None:
        """What loops touched before no longer matters."""
        self._now, self._earlier = _Touched(), _Touched()


@attrs.define(eq=False)
class _Touched:
    """Addresses of storages that loops read and wrote."""

    read: set[int] = attrs.Factory(set)
    written: set[int] = attrs.Factory(set)


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
