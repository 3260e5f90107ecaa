"""Ops that draw, interleave and part lanes, or hold on to them.

op ::= random | join | split | cut | renew
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

if TYPE_CHECKING:
    from helion_compiler.program.types import Location, Value

Distribution: TypeAlias = Literal["uniform", "normal", "bits", "four_uniforms"]


@attrs.frozen(eq=False, kw_only=True)
class Random:
    """Numbers that the scalar int64 ``seed`` and the int64 ``offsets`` decide, by Philox: see Triton's random module.

    ``uniform`` is float32 in ``[0, 1)``, ``normal`` float32, ``bits`` are 32 in an int64, and ``four_uniforms``
    has four results.
    """

    results: tuple[Value, ...]
    distribution: Distribution
    seed: Value
    offsets: Value
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Join:
    """Two values of one type side by side in a new last dimension of size 2."""

    result: Value
    first: Value
    second: Value
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Split:
    """The two halves of a last dimension of size 2."""

    results: tuple[Value, Value]
    operand: Value
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Cut:
    """Equal parts of ``operand`` along ``dim``, the first lanes first; their number is a power of two."""

    results: tuple[Value, ...]
    operand: Value
    dim: int
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Renew:
    """``operand`` again, of which no compiler knows that it is the same: what is computed of it is computed anew, not
    held in registers since the time before. A tile of two-byte elements, or an int32 of rank 0. ``times`` tells
    several of one operand apart.
    """

    result: Value
    operand: Value
    times: int
    location: Location | None = None
