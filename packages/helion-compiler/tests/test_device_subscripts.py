"""Gathers, scatters, slices, masks and atomics: the generated Triton in the interpreter, beside reference mode."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl


def rows_by_index(x, idx):
    out = torch.empty([idx.size(0), x.size(1)])
    for t in hl.tile(idx.size(0)):
        out[t, :] = x[idx[t], :]
    return out


def outer_gather(x, idx, jdx):
    out = torch.empty([idx.size(0), jdx.size(0)])
    for t, u in hl.tile([idx.size(0), jdx.size(0)]):
        out[t, u] = x[idx[t], jdx[u]]
    return out


def gather_by_matrix(x, idx):
    out = torch.empty([idx.size(0), idx.size(1), x.size(1)])
    for t in hl.tile(idx.size(0)):
        out[t, :, :] = x[idx[t, :], :]
    return out


def successor(x):
    out = torch.zeros_like(x)
    for t in hl.tile(x.size(0)):
        out[t] = x[t] + hl.load(x, [t.index + 1], extra_mask=t.index + 1 < x.size(0))
    return out


def scattered(x, idx):
    out = torch.zeros_like(x)
    for t in hl.tile(x.size(0)):
        out[idx[t]] = x[t]
    return out


def histogram(x, idx):
    out = torch.zeros([5])
    for t in hl.tile(x.size(0)):
        hl.atomic_add(out, [idx[t]], x[t])
    return out


def slices(x):
    out = torch.empty([x.size(0), 3])
    for t in hl.tile(x.size(0)):
        out[t, :] = x[t, 1:7:2] + x[t, :][:, 0:3] + x[t, -1][:, None]
    return out


def scaled_by_position(x):
    out = torch.empty_like(x)
    for t in hl.tile(x.size(0)):
        out[t, :] = x[t, :] * hl.arange(x.size(1))[None, :]
    return out


def side_by_side(x, y):
    """Tiles of the result reach beyond each operand, where the masks leave them out."""
    out = torch.empty([x.size(0), x.size(1) + y.size(1)])
    for t0, t1 in hl.tile(out.size()):
        first = t1.index < x.size(1)
        left = hl.load(x, [t0, t1], extra_mask=first[None, :])
        right = hl.load(y, [t0, t1.index - x.size(1)], extra_mask=(~first)[None, :])
        out[t0, t1] = torch.where(first[None, :], left, right)
    return out


def scaled_by_item(x, scale):
    out = torch.empty_like(x)
    for t in hl.tile(x.size(0)):
        out[t] = x[t] * scale[0].item()
    return out


# Kernel, arguments, block sizes.
CASES: dict[str, tuple[Any, tuple[Any, ...], list[int] | None]] = {
    "rows_by_index": (
        rows_by_index,
        (
            torch.randn(20, 7),
            torch.randint(0, 20, (13,)),
        ),
        [4],
    ),
    "outer_gather": (
        outer_gather,
        (
            torch.randn(20, 9),
            torch.randint(0, 20, (13,)),
            torch.randint(0, 9, (6,)),
        ),
        [4, 4],
    ),
    "gather_by_matrix": (
        gather_by_matrix,
        (
            torch.randn(20, 5),
            torch.randint(0, 20, (13, 3)),
        ),
        [4],
    ),
    "successor": (successor, (torch.randn(37),), [8]),
    "scattered": (
        scattered,
        (
            torch.randn(37),
            torch.randperm(37),
        ),
        [8],
    ),
    "histogram": (
        histogram,
        (
            torch.ones(37),
            torch.randint(0, 5, (37,)),
        ),
        [8],
    ),
    "side_by_side": (side_by_side, (torch.randn(5, 6), torch.randn(5, 7)), [4, 4]),
    "scaled_by_item": (scaled_by_item, (torch.randn(9), torch.tensor([2.0])), [4]),
    "slices": (slices, (torch.randn(5, 9),), [2]),
    "scaled_by_position": (scaled_by_position, (torch.randn(5, 9),), [2]),
}


@pytest.mark.parametrize("name", CASES)
def test_as_in_reference_mode(name: str) -> None:
    kernel, arguments, block_sizes = CASES[name]
    configs = [] if block_sizes is None else [helion.Config(block_sizes=block_sizes)]
    compiled = helion.kernel(kernel, configs=configs, autotune_effort="none")
    reference = helion.kernel(kernel, configs=configs, ref_mode=True)
    torch.testing.assert_close(compiled(*arguments), reference(*arguments), equal_nan=True)
