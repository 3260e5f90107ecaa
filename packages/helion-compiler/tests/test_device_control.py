"""Loops, branches and numbers of the device: the generated Triton in the interpreter, beside reference mode."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl


def sums_of_rows(x):
    out = torch.empty([x.size(0)])
    for i in hl.grid(x.size(0)):
        acc = 0.0
        for t in hl.tile(x.size(1)):
            acc = acc + x[i, t].sum()
        out[i] = acc
    return out


def by_flag(x, flag):
    out = torch.empty_like(x)
    for i in hl.grid(x.size(0)):
        if flag[i] > 0:
            y = x[i, :] * 2
        elif flag[i] < 0:
            y = x[i, :] - 1
        else:
            y = x[i, :]
        out[i, :] = y
    return out


def ternary(x):
    out = torch.empty_like(x)
    for t in hl.tile(x.size(0)):
        s = x[t].sum()
        v = s if s > 0 else -s
        out[t] = x[t] * v if s > 0 and t.begin < 8 else x[t]
    return out


def halvings(n):
    out = torch.empty([n.size(0)], dtype=torch.int64)
    for i in hl.grid(n.size(0)):
        v = n[i]
        count = 0
        while v > 1:
            v = v // 2
            count = count + 1
        out[i] = count
    return out


def segment_sums(x, off):
    out = torch.zeros([off.size(0) - 1])
    for i in hl.grid(off.size(0) - 1):
        acc = 0.0
        for t in hl.tile(off[i], off[i + 1]):
            acc = acc + x[t].sum()
        out[i] = acc
    return out


def jagged_sums(x, off):
    out = torch.zeros([off.size(0) - 1])
    for t in hl.tile(off.size(0) - 1):
        s = off[t]
        e = hl.load(off, [t.index + 1])
        acc = hl.zeros([t])
        for jt in hl.jagged_tile(e - s):
            acc = acc + x[s[:, None] + jt.index[None, :]].sum(1)
        out[t] = acc
    return out


def two_grids(x):
    a = torch.empty_like(x)
    b = torch.empty_like(x)
    for t in hl.tile(x.size(0)):
        a[t] = x[t] * 2
    for t in hl.tile(x.size(0)):
        b[t] = x[t] + 1
    return (a, b)


def across_a_barrier(x):
    a = torch.empty_like(x)
    b = torch.empty_like(x)
    for t in hl.tile(x.size(0)):
        a[t] = x[t] * 2
    hl.barrier()
    for t in hl.tile(x.size(0)):
        b[t] = a[t] + 1
    return b


def ranges(x):
    out = torch.empty_like(x)
    for t in hl.tile(x.size(0)):
        acc = hl.zeros([t])
        for i in range(3):
            acc = acc + x[t] * i
        for j in hl.static_range(3):
            acc += j
        out[t] = acc
    return out


def row_total(x, tile):
    acc = hl.zeros([tile])
    for t in hl.tile(x.size(1)):
        acc = acc + x[tile, t].sum(1)
    return acc


def loop_in_a_helper(x):
    out = torch.empty([x.size(0)])
    for t in hl.tile(x.size(0)):
        out[t] = row_total(x, t)
    return out


def sgn2(v):
    if v > 0:  # noqa: SIM108  # the statement is what is tested
        r = v * 2
    else:
        r = v - 1
    return r


def branch_in_a_helper(x):
    out = torch.empty([x.size(0)])
    for i in hl.grid(x.size(0)):
        out[i] = sgn2(x[i, 0])
    return out


# Kernel, arguments, block sizes.
CASES: dict[str, tuple[Any, tuple[Any, ...], list[int] | None]] = {
    "sums_of_rows": (sums_of_rows, (torch.randn(5, 37),), [8]),
    "by_flag": (
        by_flag,
        (
            torch.randn(5, 7),
            torch.tensor([1, -1, 0, 2, -3]),
        ),
        None,
    ),
    "ternary": (ternary, (torch.randn(37),), [4]),
    "halvings": (halvings, (torch.tensor([1, 2, 3, 8, 100, 1000]),), None),
    "segment_sums": (
        segment_sums,
        (
            torch.randn(40),
            torch.tensor([0, 3, 3, 10, 25, 40]),
        ),
        [4],
    ),
    "jagged_sums": (
        jagged_sums,
        (
            torch.randn(40),
            torch.tensor([0, 3, 3, 10, 25, 40]),
        ),
        [2, 4],
    ),
    "two_grids": (two_grids, (torch.randn(37),), [8, 4]),
    "across_a_barrier": (across_a_barrier, (torch.randn(37),), [8, 4]),
    "ranges": (ranges, (torch.randn(9),), [4]),
    "loop_in_a_helper": (loop_in_a_helper, (torch.randn(5, 18),), [2, 4]),
    "branch_in_a_helper": (branch_in_a_helper, (torch.randn(5, 18),), None),
}


@pytest.mark.parametrize("name", CASES)
def test_as_in_reference_mode(name: str) -> None:
    kernel, arguments, block_sizes = CASES[name]
    configs = [] if block_sizes is None else [helion.Config(block_sizes=block_sizes)]
    compiled = helion.kernel(kernel, configs=configs, autotune_effort="none")
    reference = helion.kernel(kernel, configs=configs, ref_mode=True)
    torch.testing.assert_close(compiled(*arguments), reference(*arguments), equal_nan=True)
