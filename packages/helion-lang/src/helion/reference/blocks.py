"""Which block size each loop axis gets in reference mode.

Loops are told apart by where in the source they stand, and numbered in the order in which they are first reached,
which is their order in the source unless a loop before them never runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from helion.constraints import nearest
from helion.exc import InvalidConfig
from helion.reference.places import target_names
from helion.sizes import next_power_of_2

if TYPE_CHECKING:
    from types import CodeType, FrameType

BlockSizes: TypeAlias = Mapping[str, int] | Sequence[int] | int | None
"""By the name of the loop's target, in order, one for all, or as large as is sensible."""

_MOST_POSITIONS = 12  # log2 of the positions of a default tile, along one axis
_MOST_ELEMENTS = 24  # log2 of the elements that the tiles of one loop span


class BlockChooser:
    """Hands out block sizes for the duration of one run, the same at every visit of a place."""

    def __init__(self, given: BlockSizes, *, exactly: bool = True) -> None:
        """``exactly`` those that are given, also where a registered one does not divide its extent."""
        self._given = given
        self._exactly = exactly
        self._chosen: dict[tuple[CodeType, int, int], int] = {}

    def choose_registered(self, frame: FrameType, extent: int) -> int:
        """The block size that ``frame`` registers: all of ``extent``, where nothing else is asked for.

        Values of a registered size are made before the loop that fills them, and then no tile of it may be short:
        values have real sizes here, and none has padding. So a size that does not divide the extent only counts
        where it has to be exactly that.
        """
        if self._given is None:
            return max(extent, 1)
        asked = self.choose(frame, axis=0, axes=1, extent=extent)
        return asked if self._exactly or extent % asked == 0 else extent

    def choose(self, frame: FrameType, axis: int, axes: int, extent: int) -> int:
        """The block size of one axis of the loop that ``frame`` is starting.

        Args:
            frame: the user's, at the call.
            axis: which of the loop's axes.
            axes: how many it has of which the block size is open.
            extent: how many positions the axis has this time.

        Raises:
            InvalidConfig: there is no block size for this axis, or it is not positive.
        """
        place = (frame.f_code, frame.f_lasti, axis)
        if place not in self._chosen:
            self._chosen[place] = self._first_choice(frame, axis, axes, extent)
        return self._chosen[place]

    def _first_choice(self, frame: FrameType, axis: int, axes: int, extent: int) -> int:
        given = self._given
        if given is None:
            most = min(_MOST_POSITIONS, _MOST_ELEMENTS // axes)
            return min(1 << most, next_power_of_2(extent))
        if isinstance(given, int):
            return _positive(given, given)
        if isinstance(given, Mapping):
            name = (*target_names(frame), *[""] * (axis + 1))[axis]
            if name not in given:
                raise _no_block_size(given, f"`{name}`", nearest(name, given))
            return _positive(given[name], given)
        if len(given) <= len(self._chosen):
            raise _no_block_size(given, f"axis {len(self._chosen)}", None)
        return _positive(given[len(self._chosen)], given)


def _positive(size: int, given: object) -> int:
    if isinstance(size, int) and size > 0:
        return size
    raise InvalidConfig(
        key="block_sizes",
        value=repr(given),
        problem=f"{size!r} is not positive",
        allowed="block sizes are integers of at least 1",
    )


def _no_block_size(given: object, what: str, guess: str | None) -> InvalidConfig:
    return InvalidConfig(
        key="block_sizes",
        value=repr(given),
        problem=f"no block size for {what}",
        allowed=f"did you write `{guess}` for it?" if guess else "give one for each loop axis",
    )
