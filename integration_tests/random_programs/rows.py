"""Scans, sorts and folds along dimensions, and products of small numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import torch

from .expressions import family, value
from .loads import load
from .shapes import numbered
from .tensors import Content
from .values import Dim, RejectedError, Value, epsilon, made

if TYPE_CHECKING:
    from .draft import Draft
    from .values import Dims


def _whole(draft: Draft, dims: Dims) -> Dim:
    """A dimension of known size among these."""
    wholes = [dim for dim in dims if not dim.tile]
    if not wholes:
        raise RejectedError
    return draft.draws.pick(wholes)


@family(2)
def summed_up(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Sums of all elements so far."""
    if kind == "bool":
        raise RejectedError
    dim = _whole(draft, dims)
    one = value(draft, dims, kind, depth)
    n, at = dim.size, numbered(draft, dims, dim)
    text, dtype = draft.draws.pick(
        (
            (f"torch.cumsum({one.text}, dim={at})", torch.int64),
            (f"{one.text}.cumsum({at})", torch.int64),
            (f"hl.cumsum({one.text}, {at})", one.dtype),
            (f"hl.cumsum({one.text}, dim={at}, reverse=True)", one.dtype),
            (f"hl.associative_scan(lambda a, b: a + b, {one.text}, {at})", one.dtype),
        )
    )
    dtype = one.dtype if one.dtype.is_floating_point else dtype
    interval = (min(n * one.low, one.low), max(n * one.high, one.high))
    if one.exact and one.grain:
        return made(text, dtype, dims, interval, grain=one.grain)
    # Each of the sums may be rounded to the dtype on its way.
    error = n * one.error + n * epsilon(dtype) * one.bound * n
    return made(text, dtype, dims, interval, error=error)


@family(1)
def greatest_so_far(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Maxima and minima of all elements so far, from either end."""
    if kind == "bool":
        raise RejectedError
    dim = _whole(draft, dims)
    one = value(draft, dims, kind, depth)
    name = draft.draws.pick(("maximum", "minimum"))
    reverse = draft.draws.pick(("", ", reverse=True"))
    at = numbered(draft, dims, dim)
    text = f"hl.associative_scan(torch.{name}, {one.text}, {at}{reverse})"
    return attrs.evolve(one, text=text)


@family(1)
def folded(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """A dimension reduced by a function of the author's."""
    dim = draft.whole()
    position = draft.draws.integer(0, len(dims))
    longer = (*dims[:position], dim, *dims[position:])
    if dim in dims or kind == "bool":
        raise RejectedError
    one = value(draft, longer, kind, depth)
    if draft.draws.chance(0.5):
        if not one.exact or not one.grain or one.bound > 8:
            raise RejectedError
        text = f"hl.reduce(lambda a, b: a + b, {one.text}, {position})"
        n = dim.size
        interval = (min(n * one.low, one.low), max(n * one.high, one.high))
        return made(text, one.dtype, dims, interval, grain=one.grain)
    name, other = draft.draws.pick((("maximum", one.low), ("minimum", one.high)))
    shown = float(other) if one.dtype.is_floating_point else int(other)
    text = f"hl.reduce(torch.{name}, {one.text}, dim={position}, other={shown})"
    return attrs.evolve(one, text=text, dims=dims)


@family(1.5)
def ordered(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """The last dimension in order, or its greatest elements."""
    if not dims or dims[-1].tile or kind == "bool":
        raise RejectedError
    if draft.draws.chance(0.4):
        more = dims[-1].size + draft.draws.integer(0, 3)
        longer = (*dims[:-1], Dim(str(more), more))
        one = value(draft, longer, kind, depth)
        text = f"torch.topk({one.text}, {dims[-1].size}, dim=-1)[0]"
        return attrs.evolve(one, text=text, dims=dims)
    one = value(draft, dims, kind, depth)
    text = draft.draws.pick(
        (
            "torch.sort({0}, dim=-1)[0]",
            "torch.sort({0}, dim=-1, descending=True)[0]",
            "{0}.sort(-1).values",
        )
    )
    return attrs.evolve(one, text=text.format(one.text))


@family(1)
def places(draft: Draft, dims: Dims, kind: str, _depth: int) -> Value:
    """Where elements that differ from each other would be in order, or the least of them is."""
    if kind in ("bool", "float"):
        raise RejectedError
    if dims and not dims[-1].tile and draft.draws.chance(0.5):
        distinct = load(draft, dims, torch.int32, Content(0, 0, kind="permutation"))
        style = draft.draws.pick(("torch.argsort({0}, dim=-1)", "torch.sort({0}, dim=-1)[1]"))
        text, size = style.format(distinct.text), dims[-1].size
    else:
        dim = draft.whole()
        if dim in dims:
            raise RejectedError
        longer = (*dims, dim)
        distinct = load(draft, longer, torch.int32, Content(0, 0, kind="permutation"))
        at = numbered(draft, longer, dim)
        style = draft.draws.pick(("torch.argmin({0}, dim={1})", "torch.min({0}, {1})[1]"))
        text, size = style.format(distinct.text, at), dim.size
    return made(text, torch.int64, dims, (0, size - 1), grain=1)


_SMALL = (torch.int8, torch.float8_e4m3fn, torch.float8_e5m2)


@family(1.5)
def product_of_small(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """``hl.dot`` of 8-bit numbers."""
    if len(dims) not in (2, 3) or any(dim.parent for dim in dims):
        raise RejectedError
    dtype = draft.draws.pick(_SMALL)
    if kind in ("bool", "float" if dtype is torch.int8 else "int"):
        raise RejectedError
    inner = draft.whole()
    if inner in dims:
        raise RejectedError
    *batch, row, column = dims
    factors = []
    for own in ((*batch, row, inner), (*batch, inner, column)):
        if dtype is torch.int8 or draft.draws.chance(0.5):
            factors.append(load(draft, own, dtype, Content(-2, 2)))
        else:
            one = load(draft, own, torch.float32, Content(-2, 2, 0.5))
            factors.append(attrs.evolve(one, text=f"{one.text}.to({dtype})"))
    lhs, rhs = factors
    bound = inner.size * lhs.bound * rhs.bound
    text = f"hl.dot({lhs.text}, {rhs.text})"
    result = torch.int32 if dtype is torch.int8 else torch.float32
    return made(text, result, dims, (-bound, bound), grain=lhs.grain * rhs.grain)
