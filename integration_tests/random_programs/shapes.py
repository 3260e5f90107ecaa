"""Views, reductions and products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import torch

from .aligning import permuted, sizes_text
from .expressions import family, value
from .loads import load
from .tensors import Content
from .values import Dim, RejectedError, Value, common_dtype, epsilon, made

if TYPE_CHECKING:
    from .draft import Draft
    from .values import Dims


def _inserted(draft: Draft, dims: Dims, dim: Dim) -> Dims:
    position = draft.draws.integer(0, len(dims))
    return (*dims[:position], dim, *dims[position:])


def numbered(draft: Draft, dims: Dims, dim: Dim) -> int:
    """The number of a dimension, at times from the end."""
    position = dims.index(dim)
    return position - len(dims) if draft.draws.chance(0.5) else position


def without(dims: Dims, dim: Dim) -> Dims:
    """The other dimensions."""
    return tuple(one for one in dims if one is not dim)


@family(2)
def transposed(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Another order of dimensions."""
    if len(dims) < 2:
        raise RejectedError
    return permuted(draft, value(draft, tuple(draft.draws.shuffled(dims)), kind, depth), dims)


@family(2)
def reshaped(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Dimensions of known size that were split or merged before."""
    wholes = [dim for dim in dims if not dim.tile and dim.size > 1]
    if not wholes or any(dim.parent for dim in dims):
        raise RejectedError
    dim = draft.draws.pick(wholes)
    at = dims.index(dim)
    shape = sizes_text(dims)
    if draft.draws.chance(0.5) or at + 1 == len(dims) or dims[at + 1].tile:
        factors = [n for n in range(1, dim.size + 1) if dim.size % n == 0]
        first = draft.draws.pick(factors)
        split = False
        parts = (Dim(str(first), first), Dim(str(dim.size // first), dim.size // first))
        one = value(draft, (*dims[:at], *parts, *dims[at + 1 :]), kind, depth)
    else:
        other, split = dims[at + 1], True
        merged = Dim(str(dim.size * other.size), dim.size * other.size)
        one = value(draft, (*dims[:at], merged, *dims[at + 2 :]), kind, depth)
    # A view may split a dimension however its elements lie, and merge some only where they lie together.
    styles = ("reshape({})", "reshape(*{})", "view({})" if split else "reshape({})")
    style = draft.draws.pick(styles)
    return attrs.evolve(one, text=f"{one.text}.{style.format(shape)}", dims=dims)


@family(1)
def flattened(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """All lanes in one row and back again."""
    if len(dims) < 2 or any(dim.parent for dim in dims):
        raise RejectedError
    one = value(draft, dims, kind, depth)
    row = draft.fresh("v")
    draft.line(f"{row} = {one.text}.reshape(-1)")
    if one.dtype is not torch.bool and one.dtype is not torch.uint8:
        changed = made(
            f"{row} + {row}",
            one.dtype,
            dims,
            (2 * one.low, 2 * one.high),
            error=2 * one.error,
            grain=one.grain,
        )
        draft.line(f"{row} = {changed.text}")
        one = changed
    return attrs.evolve(one, text=f"{row}.reshape({sizes_text(dims)})", dims=dims)


@family(1)
def moved(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Parts of dimensions of known size: halves joined, slices, reversals."""
    wholes = [dim for dim in dims if not dim.tile and dim.size > 1]
    if not wholes or any(dim.parent for dim in dims):
        raise RejectedError
    dim = draft.draws.pick(wholes)
    at = dims.index(dim)
    style = draft.draws.integer(0, 3)
    if style == 0:
        one = value(draft, dims, kind, depth)
        return attrs.evolve(one, text=f"torch.flip({one.text}, [{at}])", dims=dims)
    if style == 1:
        first = draft.draws.integer(1, dim.size - 1)
        parts = [Dim(str(n), n) for n in (first, dim.size - first)]
        made_parts = [
            value(draft, (*dims[:at], part, *dims[at + 1 :]), kind, depth) for part in parts
        ]
        a, b = made_parts[0], _as(made_parts[1], made_parts[0].dtype)
        return Value(
            f"torch.cat([{a.text}, {b.text}], dim={at})",
            a.dtype,
            dims,
            min(a.low, b.low),
            max(a.high, b.high),
            max(a.error, b.error),
            min(a.grain, b.grain),
        )
    begin = draft.draws.integer(0, 2)
    longer = Dim(str(dim.size + begin), dim.size + begin)
    one = value(draft, (*dims[:at], longer, *dims[at + 1 :]), kind, depth)
    entries = ", ".join([":"] * at + [f"{begin}:"])
    return attrs.evolve(one, text=f"{one.text}[{entries}]", dims=dims)


def _as(one: Value, dtype: torch.dtype) -> Value:
    """A value as another dtype.

    Raises:
        RejectedError: it would not be the same numbers.
    """
    if one.dtype == dtype:
        return one
    if dtype is torch.bool or not (one.integral or dtype.is_floating_point):
        raise RejectedError
    interval = (one.low, one.high)
    text = f"{one.text}.to({dtype})"
    return made(text, dtype, one.dims, interval, error=one.error, grain=one.grain)


@family(1)
def stacked(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Two values along a new dimension, of which one index is taken, or both are kept."""
    twos = [dim for dim in dims if not dim.tile and dim.size == 2]
    if not twos or any(dim.parent for dim in dims):
        raise RejectedError
    dim = draft.draws.pick(twos)
    rest = without(dims, dim)
    a, b = value(draft, rest, kind, depth), value(draft, rest, kind, depth)
    b = _as(b, a.dtype)
    return Value(
        f"torch.stack([{a.text}, {b.text}], dim={dims.index(dim)})",
        a.dtype,
        dims,
        min(a.low, b.low),
        max(a.high, b.high),
        max(a.error, b.error),
        min(a.grain, b.grain),
    )


@family(1)
def selected(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """One index of a dimension of a value."""
    dim = draft.whole()
    longer = _inserted(draft, dims, dim)
    if dim in dims or any(one.parent for one in dims):
        raise RejectedError
    one = value(draft, longer, kind, depth)
    at = longer.index(dim)
    chosen = draft.draws.integer(-dim.size, dim.size - 1)
    entries = ", ".join([":"] * at + [str(chosen)])
    return attrs.evolve(one, text=f"{one.text}[{entries}]", dims=dims)


# Reductions.


@family(6)
def reduced(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """A dimension of known size, reduced."""
    dim = draft.whole()
    longer = _inserted(draft, dims, dim)
    if dim in dims:
        raise RejectedError
    if kind == "bool":
        one = value(draft, longer, "bool", depth)
        name = draft.draws.pick(("any", "all"))
        return made(f"{one.text}.{name}({numbered(draft, longer, dim)})", torch.bool, dims, (0, 1))
    one = value(draft, longer, kind, depth)
    return reduction(draft, one, dim, dims)


def reduction(draft: Draft, one: Value, dim: Dim, dims: Dims) -> Value:
    """``one`` reduced over ``dim``."""
    n = dim.size
    position = numbered(draft, one.dims, dim)
    name = draft.draws.pick(("sum", "sum", "amax", "amin", "mean", "prod", "var", "max", "argmax"))
    if name in ("amax", "amin", "max"):
        text = {"max": f"torch.max({one.text}, dim={position})[0]"}.get(
            name, f"torch.{name}({one.text}, dim={position})"
        )
        if name != "max" and draft.draws.chance(0.3):
            text = f"{one.text}.{name}({position}, keepdim=True).squeeze({position})"
        return attrs.evolve(one, text=text, dims=dims)
    if name == "sum":
        dtype = one.dtype if one.dtype.is_floating_point else torch.int64
        text = draft.draws.pick(
            (
                f"{one.text}.sum({position})",
                f"torch.sum({one.text}, dim={position})",
                f"torch.sum({one.text}, {position}, keepdim=True).squeeze({position})",
            )
        )
        return made(
            text,
            dtype,
            dims,
            (min(n * one.low, one.low), max(n * one.high, one.high)),
            error=_summed(one, n),
            grain=one.grain,
        )
    if name == "prod" and n <= 4 and one.bound <= 4:
        dtype = one.dtype if one.dtype.is_floating_point else torch.int64
        bound = max(one.bound, 1) ** n
        error = (
            n * bound * (one.error + (0 if one.integral else epsilon(dtype)))
            if dtype.is_floating_point
            else 0
        )
        return made(
            f"torch.prod({one.text}, dim={position})",
            dtype,
            dims,
            (-bound, bound),
            error=error,
            grain=one.grain**n,
        )
    if name == "argmax" and not one.dtype.is_floating_point:
        distinct = load(draft, one.dims, torch.int32, Content(0, 0, kind="permutation"))
        return made(
            f"torch.argmax({distinct.text}, dim={position})", torch.int64, dims, (0, n - 1), grain=1
        )
    if not one.dtype.is_floating_point:
        raise RejectedError
    rounding = epsilon(one.dtype) * one.bound * 4
    if name == "mean":
        return made(
            f"{one.text}.mean({position})",
            one.dtype,
            dims,
            (one.low, one.high),
            error=one.error + rounding,
        )
    if name == "var" and n > 1:
        bound = 4 * one.bound**2 * 2
        return made(
            f"torch.var({one.text}, dim={position}, correction=1)",
            one.dtype,
            dims,
            (0, bound),
            error=8 * one.bound * one.error + rounding * one.bound * 4,
        )
    raise RejectedError


def _summed(one: Value, n: int) -> float:
    if one.exact and one.grain and one.bound * n / one.grain < 2**20:
        return 0.0
    # Sums are taken in float32 or wider, and rounded once; an order of one's own costs more.
    return n * one.error + 2.0**-20 * n * one.bound


@family(2)
def normalised(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """softmax and the like along a dimension of known size."""
    wholes = [dim for dim in dims if not dim.tile]
    if kind not in ("float", "any") or not wholes:
        raise RejectedError
    one = value(draft, dims, "float", depth)
    position = numbered(draft, dims, draft.draws.pick(wholes))
    rounding = epsilon(one.dtype) * (one.bound + 2) * 4
    text, interval = draft.draws.pick(
        (
            (f"torch.softmax({one.text}, dim={position})", (0.0, 1.0)),
            (f"torch.log_softmax({one.text}, dim={position})", (-2 * one.bound - 4, 0.0)),
            (f"{one.text} - {one.text}.amax({position}, keepdim=True)", (one.low - one.high, 0.0)),
            (
                f"{one.text} - {one.text}.mean({position}, keepdim=True)",
                (one.low - one.high, one.high - one.low),
            ),
        )
    )
    return made(text, one.dtype, dims, interval, error=2 * one.error + rounding)


@family(3)
def product(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """A matrix product over a dimension of known size."""
    if len(dims) not in (2, 3) or kind in ("bool", "int") or any(dim.parent for dim in dims):
        raise RejectedError
    inner = draft.whole()
    if inner in dims:
        raise RejectedError
    *batch, row, column = dims
    lhs = value(draft, (*batch, row, inner), "float", depth)
    rhs = value(draft, (*batch, inner, column), "float", depth)
    return multiplied(draft, lhs, rhs, inner, dims)


def multiplied(draft: Draft, lhs: Value, rhs: Value, inner: Dim, dims: Dims) -> Value:
    """``lhs @ rhs``."""
    if lhs.dtype != rhs.dtype or lhs.dtype is torch.float64:
        raise RejectedError
    n = inner.size
    bound = n * lhs.bound * rhs.bound
    error = n * (lhs.error * rhs.bound + rhs.error * lhs.bound)
    grain = lhs.grain * rhs.grain
    coarse = all(one.exact and one.grain and one.bound / one.grain <= 128 for one in (lhs, rhs))
    if not (coarse and bound / grain < 2**20):
        error += n * lhs.bound * rhs.bound * (2.0**-9 if lhs.dtype is torch.float32 else 2.0**-20)
        grain = 0.0
    product_name = "torch.bmm" if len(dims) == 3 else "torch.mm"
    style = draft.draws.integer(0, 3)
    if style == 0:
        return made(
            f"hl.dot({lhs.text}, {rhs.text})",
            torch.float32,
            dims,
            (-bound, bound),
            error=error,
            grain=grain,
        )
    text = f"{lhs.text} @ {rhs.text}" if style == 1 else f"{product_name}({lhs.text}, {rhs.text})"
    return made(text, common_dtype(lhs, rhs), dims, (-bound, bound), error=error, grain=grain)
