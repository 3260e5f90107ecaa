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
from helion.language.atomic_bits import atomic_and, atomic_or, atomic_xor
from helion.language.atomics import atomic_add, atomic_cas, atomic_max, atomic_min, atomic_xchg
from helion.language.creation import arange, full, zeros
from helion.language.debugging import breakpoint, device_print  # noqa: A004 - the name users write
from helion.language.escapes import inline_asm_elementwise, inline_triton, triton_kernel
from helion.language.loops import jagged_tile, tile
from helion.language.matrix import dot, dot_scaled
from helion.language.memory import StackTensor, load, store
from helion.language.random_numbers import rand, rand4x, randint, randn
from helion.language.ranges import barrier, grid, static_range
from helion.language.reductions import associative_scan, cumprod, cumsum, reduce
from helion.language.stacks import stacktensor_like
from helion.language.tile_properties import (
    tile_begin,
    tile_block_size,
    tile_count,
    tile_end,
    tile_id,
    tile_index,
)
from helion.language.tiles import Tile
from helion.language.tuning import constexpr, register_block_size, register_tunable, specialize
from helion.language.views import join, split, subscript

__all__ = [
    "DECLARATIONS",
    "Declaration",
    "Semantics",
    "StackTensor",
    "Tile",
    "activate",
    "active",
    "agree",
    "arange",
    "associative_scan",
    "atomic_add",
    "atomic_and",
    "atomic_cas",
    "atomic_max",
    "atomic_min",
    "atomic_or",
    "atomic_xchg",
    "atomic_xor",
    "barrier",
    "breakpoint",
    "constexpr",
    "cumprod",
    "cumsum",
    "device_print",
    "dot",
    "dot_scaled",
    "full",
    "grid",
    "inline_asm_elementwise",
    "inline_triton",
    "jagged_tile",
    "join",
    "load",
    "rand",
    "rand4x",
    "randint",
    "randn",
    "reduce",
    "register_block_size",
    "register_tunable",
    "specialize",
    "split",
    "stacktensor_like",
    "static_range",
    "store",
    "subscript",
    "tile",
    "tile_begin",
    "tile_block_size",
    "tile_count",
    "tile_end",
    "tile_id",
    "tile_index",
    "triton_kernel",
    "zeros",
]
