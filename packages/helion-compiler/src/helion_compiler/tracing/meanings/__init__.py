"""What the functions of ``helion.language`` mean while a kernel is traced: one module for each family."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from helion_compiler.tracing.meanings import (
    atomics,
    creation,
    debugging,
    escapes,
    folds,
    loops,
    matrix,
    memory,
    random_numbers,
    scaled,
    stacks,
    tile_properties,
    tuning,
    views,
)
from helion_compiler.tracing.meanings.registry import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion.language import Declaration
    from helion_compiler.tracing.state import Trace

__all__ = [
    "MEANINGS",
    "TracingSemantics",
    "atomics",
    "creation",
    "debugging",
    "escapes",
    "folds",
    "loops",
    "matrix",
    "memory",
    "random_numbers",
    "scaled",
    "stacks",
    "tile_properties",
    "tuning",
    "views",
]

MEANINGS: Mapping[str, Callable[..., Any]] = MappingProxyType(TABLE)
"""By the declaration's name."""


class TracingSemantics:
    """The active semantics of the language during a trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def call(self, declaration: Declaration, arguments: Mapping[str, Any]) -> Any:
        """One call of a language function."""
        return MEANINGS[declaration.name](self._trace, **arguments)
