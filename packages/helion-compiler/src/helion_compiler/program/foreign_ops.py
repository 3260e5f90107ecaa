"""Ops that have effects beside memory, and code in other languages.

op ::= print | breakpoint | inline_triton | call_triton | inline_assembly
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.types import Location, Value


@attrs.frozen(eq=False, kw_only=True)
class Print:
    """Print ``prefix`` and values."""

    prefix: str
    values: tuple[Value, ...]
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Breakpoint:
    """Stop in the debugger: interpreted kernels alone can."""

    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class InlineTriton:
    """Statements of Triton, in which ``arguments`` (values and numbers) are names.

    The last statement is an expression: the results, unless there are none.
    """

    results: tuple[Value, ...]
    source: str
    arguments: Mapping[str, Any]
    location: Location | None = None


@attrs.frozen(eq=False)
class ForeignFunction:
    """The source of one Triton function, without decorators, and what it needs before it.

    ``functions`` are other ones, by the names that the source has for them; ``lines`` are imports and constants.
    """

    name: str
    source: str
    lines: tuple[str, ...] = ()
    functions: Mapping[str, ForeignFunction] = attrs.field(factory=dict)


@attrs.frozen(eq=False, kw_only=True)
class CallTriton:
    """A call of a Triton function; ``arguments`` are values and numbers, ``keywords`` those by name."""

    results: tuple[Value, ...]
    function: ForeignFunction
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class InlineAssembly:
    """Assembly of the target on every lane of ``operands``, which have the shape of the results.

    A ``pure`` one does nothing but compute its results.
    """

    results: tuple[Value, ...]
    assembly: str
    constraints: str
    operands: tuple[Value, ...]
    pure: bool
    pack: int
    location: Location | None = None
