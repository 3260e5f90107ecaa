"""Stores that give one element several values: refused where the Program alone shows it, and only there."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion import exc
from helion.reference import run


def same_number(x):
    out = torch.zeros_like(x)
    for t in hl.tile(x.size(0)):
        out[t.index // 2] = 3.0
    return out


def backwards(x):
    out = torch.zeros_like(x)
    for t in hl.tile(x.size(0)):
        out[x.size(0) - 1 - t.index] = t.index.to(x.dtype)
    return out


def transposed(x):
    out = torch.zeros_like(x).flatten()
    n = x.size(1)
    for t, u in hl.tile([x.size(0), x.size(1)]):
        at = t.index[:, None] * n + u.index[None, :]
        out[at] = (t.index[:, None] - u.index[None, :]).to(x.dtype)
    return out


def in_a_way_not_taken(x):
    out = torch.zeros_like(x)
    for t in hl.tile(x.size(0)):
        if x[t].sum() > 1e9:
            out[t.index // 2] = t.index.to(x.dtype)
    return out


def one_lane_at_a_time(x):
    out = torch.zeros_like(x)
    for _ in hl.tile(1):
        for t in hl.tile(x.size(0), block_size=1):
            out[t.index // 2] = t.index.to(x.dtype)
    return out


def masked(x):
    out = torch.zeros_like(x)
    for t in hl.tile(x.size(0)):
        hl.store(out, [t.index // 2], t.index.to(x.dtype), extra_mask=t.index % 2 == 0)
    return out


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (same_number, (torch.zeros(7),)),
        (backwards, (torch.zeros(7),)),
        (transposed, (torch.zeros(3, 5),)),
        (in_a_way_not_taken, (torch.zeros(7),)),
        (one_lane_at_a_time, (torch.zeros(6),)),
        (masked, (torch.zeros(7),)),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
@pytest.mark.parametrize("static_shapes", [True, False])
def test_in_order(function: Any, args: tuple[Any, ...], static_shapes: bool) -> None:
    kernel = helion.kernel(function, static_shapes=static_shapes)
    torch.testing.assert_close(kernel(*args), run(function, args).outputs)


def halved(x):
    for t in hl.tile(x.size(0)):
        x[t.index // 2] = t.index.to(x.dtype)


def columns_folded(x):
    for t, u in hl.tile([x.size(0), x.size(1)]):
        x[t, u.index * 0] = (t.index[:, None] + u.index[None, :]).to(x.dtype)


def in_an_inner_loop(x):
    for t in hl.tile(x.size(0)):
        for u in hl.tile(x.size(1)):
            x[t, u.index % 2] = u.index.to(x.dtype)[None, :]


@pytest.mark.parametrize(
    ("function", "shape", "static_shapes"),
    [
        (halved, (5,), True),
        (halved, (5,), False),
        (columns_folded, (3, 4), True),
        (columns_folded, (3, 4), False),
        (in_an_inner_loop, (3, 5), True),  # an open size may be 2, which does not repeat
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_refused(function: Any, shape: tuple[int, ...], static_shapes: bool) -> None:
    with pytest.raises(exc.DuplicateStoreIndicesError, match="index 0 occurs more than once"):
        helion.kernel(function, static_shapes=static_shapes)(torch.zeros(shape))


def test_a_single_lane_is_no_rival() -> None:
    x = torch.ones(1)
    helion.kernel(halved)(x)
    assert x.tolist() == [0]
