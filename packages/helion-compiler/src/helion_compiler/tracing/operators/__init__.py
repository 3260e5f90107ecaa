"""How ATen operators that are not pointwise are recorded: one module for each family.

Every rule takes the operator's own arguments and returns fake results; shapes are checked here, in the author's terms.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from helion_compiler.tracing.operators import (
    creation,
    divisors,
    indexed_writes,
    lanes,
    parts,
    products,
    random_numbers,
    reductions,
    repeats,
    replacements,
    scans,
    scatters,
    searches,
    sizes_of_values,
    sorting,
    subscripts,
    views,
)
from helion_compiler.tracing.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.tracing.rules import Rule

__all__ = [
    "TABLE",
    "creation",
    "divisors",
    "indexed_writes",
    "lanes",
    "parts",
    "products",
    "random_numbers",
    "reductions",
    "repeats",
    "replacements",
    "scans",
    "scatters",
    "searches",
    "sizes_of_values",
    "sorting",
    "subscripts",
    "views",
]

TABLE: Mapping[str, Rule] = MappingProxyType(RULES)
"""Every recording rule, by ATen name without overload."""
