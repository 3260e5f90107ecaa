"""Expressions of given dimensions, drawn from a table of families.

Each family takes the draft, the dimensions wanted, a kind (``any``, ``float``, ``int``, ``exact`` or ``bool``) and
how deep it may nest; it gives a value with those dimensions, or raises :class:`RejectedError`, and another is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import torch

from . import loads
from .aligning import expanded
from .tensors import Content
from .values import RejectedError, Value, made

if TYPE_CHECKING:
    from collections.abc import Callable

    from .draft import Draft
    from .values import Dims

    Family = Callable[[Draft, Dims, str, int], Value]

FAMILIES: list[tuple[float, Family]] = []
"""Filled by the modules of the families when they are imported."""


def family(weight: float) -> Callable[[Family], Family]:
    """Register a family of expressions."""

    def register(function: Family) -> Family:
        FAMILIES.append((weight, function))
        return function

    return register


def value(draft: Draft, dims: Dims, kind: str = "any", depth: int = 3) -> Value:
    """A value of these dimensions and this kind, as a name or in parentheses."""
    for _ in range(6):
        if depth <= 0 or draft.effort <= 0:
            break
        draft.effort -= 1
        _, make = draft.draws.pick(FAMILIES), draft.draws.weighted(FAMILIES)
        try:
            found = make(draft, dims, kind, depth - 1)
        except RejectedError:
            continue
        if fits(found, kind):
            return draft.maybe_named(found)
    return leaf(draft, dims, kind)


def fits(found: Value, kind: str) -> bool:
    """Whether a value is of a kind."""
    return {
        "any": found.dtype is not torch.bool,
        "float": found.dtype.is_floating_point,
        "int": not found.dtype.is_floating_point and found.dtype is not torch.bool,
        "exact": found.exact and found.dtype is not torch.bool,
        "integral": found.integral and found.dtype is not torch.bool,
        "bool": found.dtype is torch.bool,
    }[kind]


def leaf(draft: Draft, dims: Dims, kind: str) -> Value:
    """Something in scope, or a load."""
    known = [v for v in draft.usable(dims) if fits(v, kind)]
    if known and draft.draws.chance(0.5):
        try:
            return draft.maybe_named(expanded(draft, draft.draws.pick(known), dims))
        except RejectedError:
            pass
    wanted = {"exact": "any", "integral": "int"}.get(kind, kind)
    dtype = draft.dtype(wanted)
    content = draft.content(dtype)
    if kind == "exact" and not content.grain:
        content = Content(-3, 3)
    parents = tuple(dim.parent for dim in dims if dim.parent and dim.parent not in dims)
    if parents:
        raise RejectedError
    return draft.maybe_named(loads.load(draft, dims, dtype, content))


def index(draft: Draft, dims: Dims, size: int, depth: int = 1) -> Value:
    """Integers from 0 to below ``size``."""
    if draft.draws.chance(0.5):
        return draft.maybe_named(
            loads.load(
                draft, dims, draft.draws.pick((torch.int32, torch.int64)), Content(0, size - 1)
            )
        )
    found = value(draft, dims, "int", depth)
    if found.dtype in (torch.int8, torch.uint8):  # a size may not fit
        found = attrs.evolve(found, text=f"{found.text}.to(torch.int32)", dtype=torch.int32)
    remainder = made(f"{found.text} % {size}", found.dtype, dims, (0, size - 1), grain=1)
    return draft.maybe_named(remainder)


@family(3)
def _leaf(draft: Draft, dims: Dims, kind: str, _depth: int) -> Value:
    return leaf(draft, dims, kind)


@family(2)
def _gather(draft: Draft, dims: Dims, kind: str, _depth: int) -> Value:
    dtype = draft.dtype("any" if kind in ("exact", "integral", "any") else kind)
    return loads.gather(draft, dims, dtype, lambda group, size: index(draft, group, size))
