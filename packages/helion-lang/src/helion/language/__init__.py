"""The language of kernels: ``import helion.language as hl``.

Declarations only. Meaning comes from the active semantics: see :mod:`helion.language._declare`.
"""

from __future__ import annotations

from helion.language._declare import (
    DECLARATIONS,
    Declaration,
    Semantics,
    activate,
    active,
    agree,
)
from helion.language.creation import full, zeros
from helion.language.loops import tile
from helion.language.matrix import dot
from helion.language.memory import load, store
from helion.language.tile_properties import (
    tile_begin,
    tile_block_size,
    tile_end,
    tile_id,
    tile_index,
)
from helion.language.tiles import Tile
from helion.language.tuning import constexpr, register_block_size, specialize

__all__ = [
    "DECLARATIONS",
    "Declaration",
    "Semantics",
    "Tile",
    "activate",
    "active",
    "agree",
    "constexpr",
    "dot",
    "full",
    "load",
    "register_block_size",
    "specialize",
    "store",
    "tile",
    "tile_begin",
    "tile_block_size",
    "tile_end",
    "tile_id",
    "tile_index",
    "zeros",
]
