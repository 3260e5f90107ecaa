"""Writing results: stores to places of one's own, scatters, and atomics to shared ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import torch

from .aligning import listed, loose, spaced
from .draft import Index, Output
from .tensors import Content
from .values import Dim, RejectedError, Value, epsilon, made

if TYPE_CHECKING:
    from .draft import Draft


def store(draft: Draft, one: Value, *, sometimes: bool = False) -> None:
    """Write a value; ``sometimes`` if the statement may not run, so that the place has to hold something before."""
    if sometimes or draft.draws.chance(0.75) or not _accumulate(draft, one):
        _assign(draft, one, sometimes=sometimes)


@attrs.define
class _Target:
    entries: list[str] = attrs.field(factory=list)
    sizes: list[int] = attrs.field(factory=list)
    shape: list[Dim | None] = attrs.field(factory=list)
    filled: bool = False


def _assign(draft: Draft, one: Value, *, sometimes: bool) -> None:
    """``out[...] = value``, at a place that names every owner."""
    missing = [owner for owner in draft.owners if isinstance(owner, Index) or owner not in one.dims]
    parts: list[Dim | Index] = [*one.dims, *missing]
    parts = draft.draws.shuffled(parts) if draft.draws.chance(0.3) else [*missing, *one.dims]
    target = _Target(filled=sometimes)
    for part in parts:
        _place(draft, target, part)
    if draft.draws.chance(0.1):
        target.entries.append("0")
        target.sizes.append(1)
    if not target.entries:
        target.entries.append("0")
        target.sizes.append(1)
    dims = tuple(dim for dim in target.shape if dim is not None)
    held, stored = one, one
    if one.dtype.is_floating_point and draft.draws.chance(0.2):
        dtype = draft.dtype("float")
        error = one.error + epsilon(dtype) * one.bound
        held = attrs.evolve(one, dtype=dtype, error=error, grain=0.0)
    filled = target.filled or any(
        dim.tile and (dim.begin or dim.data or dim.parent) for dim in dims
    )
    once_more = _one_more(held) if draft.draws.chance(0.1) else None
    name = _output(draft, target, once_more or held, filled=filled)
    stored = (
        loose(draft, stored, dims)
        if draft.draws.chance(0.5) and dims
        else spaced(draft, stored, dims)
    )
    index = ", ".join(target.entries)
    if draft.draws.chance(0.1):
        draft.line(f"hl.store({name}, {listed(target.entries)}, {stored.text})")
    else:
        draft.line(f"{name}[{index}] = {stored.text}")
    if once_more is not None:
        draft.line(f"{name}[{index}] += 1")


def _one_more(one: Value) -> Value | None:
    """What one more than a value is, if that can be told."""
    interval = (one.low + 1, one.high + 1)
    try:
        more = made("", one.dtype, one.dims, interval, error=one.error, grain=min(one.grain, 1.0))
    except RejectedError:
        return None
    return None if one.dtype is torch.bool else more


def _output(
    draft: Draft, target: _Target, one: Value, *, filled: bool, readable: bool = True
) -> str:
    """A new result that is to hold a value, and zeros elsewhere if it is ``filled``."""
    name = draft.fresh("out")
    filled = filled or target.filled
    # Reading sizes from arguments would need those that come later.
    shape = ", ".join(map(str, target.sizes))
    make = "zeros" if filled else "empty"
    draft.prelude.append(f"{name} = torch.{make}([{shape}], dtype={one.dtype}, device=x0.device)")
    low, high = (min(one.low, 0), max(one.high, 0)) if filled else (one.low, one.high)
    sizes = tuple(target.sizes)
    draft.outputs.append(Output(name, one.error, sizes, one.dtype, low, high, one.grain, readable))
    return name


def _place(draft: Draft, target: _Target, part: Dim | Index) -> None:
    style = draft.draws.integer(0, 9)
    if isinstance(part, Index):
        target.entries.append(part.text)
        target.sizes.append(part.end)
        target.filled |= part.sparse
        return
    target.shape.append(part)
    if (
        part.tile
        and style == 0
        and not part.parent
        and not part.data
        and not part.begin
        and part.size
    ):
        places = draft.tensor(
            (part.end,), torch.int64, Content(0, 0, kind="permutation"), plain=True
        )
        target.entries.append(f"{places}[{part.name}]")
        target.sizes.append(part.end)
    elif part.tile and style == 1 and not part.parent:
        shift = draft.draws.integer(-2, 2)
        target.entries.append(f"{part.name} {'+' if shift >= 0 else '-'} {abs(shift)}")
        target.sizes.append(max(part.end + (draft.draws.integer(-1, 2) if shift else 0), 0))
        target.filled = True
    elif part.tile:
        target.entries.append(part.name)
        target.sizes.append(part.end)
    elif style == 0:
        begin, step = draft.draws.integer(0, 2), draft.draws.integer(1, 2)
        last = begin + (part.size - 1) * step
        target.entries.append(f"{begin}:{last + 1}" + (f":{step}" if step > 1 else ""))
        target.sizes.append(last + 1)
        target.filled = True
    else:
        target.entries.append(":")
        target.sizes.append(part.size)


def _accumulate(draft: Draft, one: Value) -> bool:
    """``hl.atomic_add`` of exact numbers, summed over the tiles that the place leaves out; False if it cannot be."""
    dtype = one.dtype
    if not one.integral or dtype not in (torch.int32, torch.float32, torch.int64) or one.bound > 64:
        return False
    if any(dim.parent or dim.data for dim in one.dims):
        return False
    tiles = [owner for owner in draft.owners if isinstance(owner, Dim)]
    if any(tile not in one.dims for tile in tiles):
        return False
    out = [tile for tile in tiles if draft.draws.chance(0.5)]
    text, dims = one.text, list(one.dims)
    for tile in out:
        text = f"{text}.sum({dims.index(tile)})"
        dims.remove(tile)
    if out:
        text = f"{text}.to({dtype})"
    target = _Target(filled=True)
    binned: Dim | None = None
    kept = tuple(dims)
    for dim in kept:
        if dim.tile and draft.draws.chance(0.3) and binned is None and not out:
            bins = draft.draws.integer(1, 5)
            binned = dim
            target.entries.append(f"({dim.name}.index * 7 % {bins})")
            target.sizes.append(bins)
            target.shape.append(dim)
        elif not dim.tile:
            target.entries.append(":")
            target.sizes.append(dim.size)
            target.shape.append(dim)
        else:
            target.entries.append(dim.name)
            target.sizes.append(dim.end)
            target.shape.append(dim)
    if not target.entries:
        target.entries.append("0")
        target.sizes.append(1)
    name = _output(draft, target, one, filled=True, readable=False)
    kind = (
        draft.draws.pick(("add", "add", "add", "max", "min"))
        if not out and binned is None
        else "add"
    )
    written = f"{name}, {listed(target.entries)}, {text}"
    alone = not out and binned is None and not any(isinstance(o, Index) for o in draft.owners)
    if alone and draft.draws.chance(0.4):  # what was there before is the zero of the allocation
        kind = draft.draws.pick(("add", "xchg"))
        before = Value(f"hl.atomic_{kind}({written})", dtype, one.dims, 0, 0)
        draft.named(before)
    else:
        draft.line(f"hl.atomic_{kind}({written})")
    return True
