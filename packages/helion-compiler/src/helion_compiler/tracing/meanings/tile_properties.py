"""What is asked of tiles by functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion import exc
from helion.language import Tile
from helion_compiler.tracing.location import here
from helion_compiler.tracing.meanings.registry import TABLE, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.tracing.state import Trace


def _of_tile(name: str) -> Callable[[Trace, Any], Any]:
    def meaning(_trace: Trace, tile: Any) -> Any:
        if not isinstance(tile, Tile):
            raise exc.IncorrectTileUsage(span=here(), operation=f"hl.tile_{name}({describe(tile)})")
        return getattr(tile, name)

    return meaning


TABLE.update(
    {
        f"tile_{name}": _of_tile(name)
        for name in ("index", "begin", "end", "id", "block_size", "count")
    }
)
