"""More functions of numbers: rounding, bits, conditions on masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .aligning import expanded, loose, sizes_text
from .arithmetic import operand
from .expressions import family, value
from .values import RejectedError, Value, epsilon, made

if TYPE_CHECKING:
    from .draft import Draft
    from .values import Dims


@family(0.7)
def tile_numbers(draft: Draft, dims: Dims, kind: str, _depth: int) -> Value:
    """What is known of a tile's numbers, whatever the block size."""
    tiles = [dim for dim in draft.scope.tiles if not (dim.parent or dim.data)]
    if not tiles or kind in ("float", "int"):
        raise RejectedError
    tile = draft.draws.pick(tiles)
    name = tile.name
    if kind == "bool":
        if tile not in dims:
            raise RejectedError
        text = draft.draws.pick((f"{name}.index >= {name}.begin", f"{name}.index < {name}.end"))
        return expanded(draft, Value(f"({text})", torch.bool, (tile,), 0, 1), dims)
    text = f"{name}.id * {name}.block_size + {tile.begin} - {name}.begin"
    number = draft.draws.integer(0, 3)
    full = f"hl.full({sizes_text(dims)}, {text} + {number}, dtype=torch.int64)"
    return made(full, torch.int64, dims, (number, number), grain=1)


_ROUNDING = ("torch.floor({})", "torch.ceil({})", "{}.round()", "torch.trunc({})")


@family(1)
def rounded(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Exact numbers as whole numbers, or their signs."""
    if kind == "bool":
        raise RejectedError
    one = value(draft, dims, "exact", depth)
    if draft.draws.chance(0.4):
        if one.dtype is torch.uint8:
            raise RejectedError
        return made(f"torch.sign({one.text})", one.dtype, dims, (-1, 1), grain=1)
    text = draft.draws.pick(_ROUNDING).format(one.text)
    interval = (one.low - 1, one.high + 1) if one.dtype.is_floating_point else (one.low, one.high)
    return made(text, one.dtype, dims, interval, grain=1)


@family(1)
def bits(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Operators on the bits of integers."""
    if kind not in ("int", "any", "integral", "exact"):
        raise RejectedError
    a = value(draft, dims, "int", depth)
    style = draft.draws.integer(0, 2)
    if style == 0:
        shift = draft.draws.integer(0, 2)
        scaled = (a.low * 2**shift, a.high * 2**shift)
        return made(f"{a.text} << {shift}", a.dtype, dims, scaled, grain=1)
    if style == 1:
        return made(f"{a.text} >> 1", a.dtype, dims, (a.low // 2, a.high // 2), grain=1)
    mask = draft.draws.integer(0, 7)
    return made(f"{a.text} & {mask}", a.dtype, dims, (0, mask), grain=1)


@family(1.5)
def masked(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """A number wherever a condition holds."""
    if kind == "bool":
        raise RejectedError
    one = value(draft, dims, kind, depth)
    condition = loose(draft, operand(draft, dims, "bool", depth), dims)
    number = draft.draws.integer(0, 3)
    text = draft.draws.pick(
        (
            f"{one.text}.masked_fill({condition.text}, {number})",
            f"torch.masked_fill({one.text}, {condition.text}, {number})",
            f"torch.where({condition.text}, {number}, {one.text})",
        )
    )
    interval = (min(one.low, number), max(one.high, number))
    return made(text, one.dtype, dims, interval, error=one.error, grain=min(one.grain, 1.0))


@family(1)
def smooth(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """More functions that a library computes."""
    if kind not in ("float", "any"):
        raise RejectedError
    one = value(draft, dims, "float", depth)
    text, spread, interval = draft.draws.pick(
        (
            ("torch.log1p({}.abs())", 1.0, (0.0, one.bound)),
            ("torch.exp2({}.clamp(-2, 2))", 3.0, (0.2, 4.0)),
            ("torch.erf({})", 1.2, (-1.0, 1.0)),
            ("torch.atan({})", 1.0, (-1.6, 1.6)),
            ("{}.clamp(-3, 3) ** 2", 6.0, (0.0, 9.0)),
            ("torch.nn.functional.softplus({})", 1.0, (0.0, one.bound + 1)),
            ("torch.reciprocal({}.abs() + 1)", 1.0, (0.0, 1.0)),
        )
    )
    error = (one.error + epsilon(one.dtype) * (one.bound + 1)) * spread
    return made(text.format(one.text), one.dtype, dims, interval, error=error)
