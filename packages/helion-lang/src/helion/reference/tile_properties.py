"""The properties of a tile as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion.exc import InvalidAPIUsage
from helion.language import Tile

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion.reference.state import ReferenceState


def of_tile(name: str) -> Callable[[ReferenceState, Any], Any]:
    """What ``hl.tile_<name>`` means."""

    def meaning(_state: ReferenceState, tile: Any) -> Any:
        if not isinstance(tile, Tile):
            raise InvalidAPIUsage(
                function=f"tile_{name}",
                problem=f"a {type(tile).__name__} is no tile",
                remedy="pass what a loop over `hl.tile` gives",
            )
        return getattr(tile, name)

    return meaning
