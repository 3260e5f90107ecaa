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

    ``alias`` is the singular that stands for a list of one entry.
    """

    name: str
    entry: Constraint
    shape: Shape
    doc: str
    alias: str | None = None

    @property
    def allowed(self) -> str:
        """What the key may hold, for people."""
        if self.shape is Shape.ONE:
            return f"`{self.name}` must be {self.entry.allowed}"
        each = f"each entry of `{self.name}` must be {self.entry.allowed}"
        return f"{each}; give {self.shape.value}"


def _one(name: str, entry: Constraint, doc: str) -> ConfigKey:
    return ConfigKey(name, entry, Shape.ONE, doc)


def _many(name: str, alias: str, entry: Constraint, doc: str) -> ConfigKey:
    return ConfigKey(name, entry, Shape.PER_SITE, doc, alias)


_KEYS = (
    _many("block_sizes", "block_size", power_of_two(), "Positions per tile of each loop axis."),
    _many("loop_orders", "loop_order", permutation(), "Order of the axes of each tile loop."),
    _many("flatten_loops", "flatten_loop", BOOLEAN, "Whether a loop's axes become one flat axis."),
    _many("l2_groupings", "l2_grouping", integer(1, 64), "Rows of tiles grouped for reuse in L2."),
    _many(
        "reduction_loops",
        "reduction_loop",
        either(NONE, power_of_two(8)),
        "Positions per step of a reduction over a whole dimension; None holds it whole.",
    ),
    _many(
        "range_unroll_factors",
        "range_unroll_factor",
        integer(0, 4),
        "`loop_unroll_factor` of each loop's `tl.range`; 0 leaves it to Triton.",
    ),
    _many(
        "range_num_stages",
        "range_num_stage",
        integer(0, 4),
        "`num_stages` of each loop's `tl.range`; 0 leaves it to Triton.",
    ),
    _many(
        "range_multi_buffers",
        "range_multi_buffer",
        OPTIONAL_BOOLEAN,
        "Whether accumulators are multi-buffered, per loop; None leaves it to Triton.",
    ),
    _many(
        "range_flattens",
        "range_flatten",
        OPTIONAL_BOOLEAN,
        "Whether a loop nest is flattened, per loop; None leaves it to Triton.",
    ),
    _many(
        "range_warp_specializes",
        "range_warp_specialize",
        OPTIONAL_BOOLEAN,
        "Whether warps specialise, per loop; None leaves it to Triton.",
    ),
    _many("static_ranges", "static_range", BOOLEAN, "Whether a loop is unrolled completely."),
    _one("num_warps", power_of_two(1, 32), "Warps per program."),
    _one("num_stages", integer(1, 8), "Depth of software pipelining."),
    ConfigKey(
        "indexing",
        one_of("pointer", "block_ptr", "tensor_descriptor"),
        Shape.EITHER,
        "How loads and stores address memory; a descriptor is TMA where there is one.",
    ),
    ConfigKey(
        "atomic_indexing",
        one_of("pointer", "tensor_descriptor"),
        Shape.EITHER,
        "How atomics address memory.",
    ),
    _one(
        "pid_type",
        one_of("flat", "xyz", "persistent_blocked", "persistent_interleaved"),
        "How program ids map to tiles.",
    ),
    _one("num_sm_multiplier", integer(1, 128), "Persistent programs per multiprocessor."),
    _one("maxnreg", one_of(None, 32, 64, 128, 256), "Registers per thread of a persistent kernel."),
    _many(
        "load_eviction_policies",
        "load_eviction_policy",
        one_of("", "first", "last"),
        "What each load leaves in the caches; not beside `eviction_policy=` in the kernel.",
    ),
    _many("load_cache_modifiers", "load_cache_modifier", one_of("", ".cg"), "Per load."),
    _many("store_cache_modifiers", "store_cache_modifier", one_of("", ".cs", ".wt"), "Per store."),
    _one("epilogue_subtile", one_of(None, 2, 4), "Parts in which an accumulator is stored."),
    _one(
        "waves_per_eu",
        integer(0, 8),
        "Waves per execution unit that AMD's compiler aims at; 0 leaves it to it.",
    ),
    _one(
        "matrix_instr_nonkdim",
        one_of(0, 16, 32),
        "Size of AMD's matrix instruction; 0 leaves it to Triton.",
    ),
    _one(
        "xcd_remap",
        BOOLEAN,
        "Whether the programs of a compute die of an AMD GPU take neighbouring tiles.",
    ),
)

CONFIG_KEYS: Mapping[str, ConfigKey] = MappingProxyType({key.name: key for key in _KEYS})
"""Every key by name, in canonical order."""

ALIASES: Mapping[str, str] = MappingProxyType({key.alias: key.name for key in _KEYS if key.alias})
"""Singular to plural."""
