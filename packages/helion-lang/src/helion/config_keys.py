"""The keys a Config may have: one table, in canonical order, with what each may hold.

Only what can be told without a kernel is checked here; whether a config fits a kernel is the compiler's to say.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

from helion.constraints import (
    BOOLEAN,
    NONE,
    OPTIONAL_BOOLEAN,
    Constraint,
    either,
    integer,
    one_of,
    permutation,
    power_of_two,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Shape(Enum):
    """How many values a key holds."""

    ONE = "one value"
    PER_SITE = (
        "a list, or a mapping by stable name, with one entry for each loop, dimension or access"
    )
    EITHER = "one value for all, or a list or mapping with one entry for each"


@attrs.frozen
class ConfigKey:
    """One key: its name, what an entry may be, how many it takes, and what it does.

    ``alias`` is the singular that stands for a list of one entry. ``default`` is what a Config without the key
    means, ``where`` the kernels and the configs for which the key means anything.
    """

    name: str
    entry: Constraint
    shape: Shape
    doc: str
    default: str
    where: str
    alias: str | None = None

    @property
    def allowed(self) -> str:
        """What the key may hold, for people."""
        if self.shape is Shape.ONE:
            return f"`{self.name}` must be {self.entry.allowed}"
        each = f"each entry of `{self.name}` must be {self.entry.allowed}"
        return f"{each}; give {self.shape.value}"


def _one(name: str, entry: Constraint, doc: str, default: str, where: str) -> ConfigKey:
    return ConfigKey(name, entry, Shape.ONE, doc, default, where)


def _many(
    name: str, alias: str, entry: Constraint, doc: str, default: str, where: str
) -> ConfigKey:
    return ConfigKey(name, entry, Shape.PER_SITE, doc, default, where, alias)


_LOOPS = (
    "the loops over the tiles of a persistent kernel, then the loops inside them, in source order"
)
_SHORT = "; not for a loop that `static_ranges` unrolls"

_KEYS = (
    _many(
        "block_sizes",
        "block_size",
        power_of_two(),
        "Positions per tile of each loop axis.",
        "chosen for the kernel",
        "each size of a tile that the kernel leaves open",
    ),
    _many(
        "loop_orders",
        "loop_order",
        permutation(),
        "Order of the axes of each grid, the axis that varies fastest first.",
        "as written",
        "grids of several axes",
    ),
    _many(
        "flatten_loops",
        "flatten_loop",
        BOOLEAN,
        "Whether a grid's axes become one flat axis, whose block is the product of theirs.",
        "`False`",
        "grids of several axes, of sizes that are compiled in, whose bodies compute element by element",
    ),
    _many(
        "l2_groupings",
        "l2_grouping",
        integer(1, 64),
        "Tiles along the first axis of each grid that are walked together along the second, for reuse in L2.",
        "`1`",
        'grids of several axes, unless `pid_type` is `"xyz"`',
    ),
    _many(
        "reduction_loops",
        "reduction_loop",
        either(NONE, power_of_two(8)),
        "Positions per step of a reduction over a whole dimension; None holds it whole, and a step that is all of it "
        "holds it as it was loaded and computes anew behind each reduction.",
        "`None`, if that fits",
        "whole dimensions of more than 32 positions that can be read in steps",
    ),
    _many(
        "range_unroll_factors",
        "range_unroll_factor",
        integer(0, 4),
        "`loop_unroll_factor` of each loop's `tl.range`; 0 leaves it to Triton.",
        "`0`",
        _LOOPS + _SHORT,
    ),
    _many(
        "range_num_stages",
        "range_num_stage",
        integer(0, 4),
        "`num_stages` of each loop's `tl.range`; 0 leaves it to Triton.",
        "`0`",
        _LOOPS + _SHORT,
    ),
    _many(
        "range_multi_buffers",
        "range_multi_buffer",
        OPTIONAL_BOOLEAN,
        "Whether accumulators are multi-buffered, per loop; None leaves it to Triton.",
        "`None`",
        "inner loops that accumulate a matrix product; listed as the other ranges are",
    ),
    _many(
        "range_flattens",
        "range_flatten",
        OPTIONAL_BOOLEAN,
        "Whether a loop nest is flattened, per loop; None leaves it to Triton.",
        "`None`",
        "loops of a persistent kernel over tiles, with a loop inside; listed as the other ranges are",
    ),
    _many(
        "range_warp_specializes",
        "range_warp_specialize",
        OPTIONAL_BOOLEAN,
        "Whether warps have roles: one more copies ahead what groups of four compute with, 64 rows each.",
        "`None`",
        "Hopper GPUs, the first of the inner loops, which make weights of matrix products and multiply by these "
        "(attention), of bfloat16 or float16; most other keys have no say then. Triton's own `warp_specialize` got "
        "kernels of 4 warps wrong",
    ),
    _many(
        "static_ranges",
        "static_range",
        BOOLEAN,
        "Whether a loop is unrolled completely.",
        "`False`",
        "inner loops between numbers, of at most 8 turns with the largest blocks; of loops with products one, in no "
        "more groups of 4 warps than of 64 rows",
    ),
    _many(
        "swap_operands",
        "swap_operand",
        BOOLEAN,
        "Whether the products of a loop are computed transposed, `b.T @ a.T` in place of `a @ b`, with what the loop "
        "computes of `b` in registers and not in shared memory.",
        "`False`",
        "inner loops on Hopper GPUs that sum products of what they load by what they compute, of two bytes an element, "
        "and do nothing else with the sum; in loops of several turns that are pipelined, with 64 columns or more for "
        "each group of 4 warps",
    ),
    _one(
        "num_warps",
        power_of_two(1, 32),
        "Warps per program.",
        "chosen for the kernel",
        "every kernel",
    ),
    _one(
        "num_stages",
        integer(1, 8),
        "Depth of software pipelining.",
        "chosen for the kernel",
        "kernels and configs with a loop",
    ),
    ConfigKey(
        "indexing",
        one_of("pointer", "block_ptr", "tensor_descriptor"),
        Shape.EITHER,
        "How loads and stores address memory; a descriptor is TMA where there is one.",
        '`"pointer"`',
        "loads and stores that a tensor descriptor can serve. `block_ptr` is refused: Triton turns block pointers "
        "into plain ones before it compiles them",
    ),
    ConfigKey(
        "atomic_indexing",
        one_of("pointer", "tensor_descriptor"),
        Shape.EITHER,
        "How atomics address memory.",
        '`"pointer"`',
        "relaxed atomics that a tensor descriptor can serve, whose results the kernel does not use",
    ),
    _one(
        "pid_type",
        one_of("flat", "xyz", "persistent_blocked", "persistent_interleaved"),
        "How programs get their tiles: one each, numbered in a row or along two or three dimensions; or each "
        "multiprocessor's program loops over many, neighbours or every so many.",
        '`"flat"`; persistent with a barrier',
        'every kernel; `"xyz"` for one grid of two or three axes, `"flat"` and `"xyz"` without barriers',
    ),
    _one(
        "num_sm_multiplier",
        integer(1, 128),
        "Programs per multiprocessor.",
        "`1`",
        "persistent configs with more tiles than multiprocessors; not with barriers",
    ),
    _one(
        "maxnreg",
        one_of(None, 32, 64, 128, 256),
        "Registers per thread, at most; None leaves it to the compiler.",
        "`None`",
        "persistent configs on NVIDIA GPUs",
    ),
    _many(
        "load_eviction_policies",
        "load_eviction_policy",
        one_of("", "first", "last"),
        "What each load leaves in the caches.",
        '`""`',
        "loads through pointers, on NVIDIA GPUs, that say no `eviction_policy=` of their own",
    ),
    _many(
        "load_cache_modifiers",
        "load_cache_modifier",
        one_of("", ".cg"),
        "Which caches each load goes through; `.cg` skips L1.",
        '`""`',
        "loads through pointers that have no eviction policy",
    ),
    _many(
        "store_cache_modifiers",
        "store_cache_modifier",
        one_of("", ".cs", ".wt"),
        "Which caches each store goes through: `.cs` streams, `.wt` writes through.",
        '`""`',
        "stores through pointers",
    ),
    _one(
        "epilogue_subtile",
        one_of(None, 2, 4),
        "Parts in which accumulators of matrix products are stored, along their last dimension, each with its share "
        "of the epilogue; None stores them whole.",
        "`None`",
        "kernels that store a matrix product by the tile, if nothing before the store needs all columns at once",
    ),
    _one(
        "waves_per_eu",
        integer(0, 8),
        "Waves per execution unit that AMD's compiler aims at; 0 leaves it to it.",
        "`0`",
        "AMD GPUs",
    ),
    _one(
        "matrix_instr_nonkdim",
        one_of(0, 16, 32),
        "Size of AMD's matrix instruction; 0 leaves it to Triton.",
        "`0`",
        "kernels with matrix products, on AMD GPUs",
    ),
    _one(
        "xcd_remap",
        BOOLEAN,
        "Whether the programs of a compute die take neighbouring tiles.",
        "`False`",
        'AMD GPUs of several compute dies (gfx942, gfx950), unless `pid_type` is `"xyz"`',
    ),
)

CONFIG_KEYS: Mapping[str, ConfigKey] = MappingProxyType({key.name: key for key in _KEYS})
"""Every key by name, in canonical order."""

ALIASES: Mapping[str, str] = MappingProxyType({key.alias: key.name for key in _KEYS if key.alias})
"""Singular to plural."""
