"""Reshapes, joins and block sizes as numbers: the generated Triton in the interpreter, beside reference mode."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl


def grouped_maxima(x):
    out = torch.empty([x.size(0), 6])
    for t in hl.tile(x.size(0)):
        v = x[t, :].reshape([t, 3, 6])
        out[t, :] = v.amax(1)
    return out


def joined(x, y):
    out = torch.empty([x.size(0), x.size(1) + y.size(1)])
    for t in hl.tile(x.size(0)):
        out[t, :] = torch.cat([x[t, :], y[t, :]], 1)
    return out


def partial_sums(x):
    rows = x.size(0)
    b = hl.register_block_size(rows)
    part = torch.zeros([helion.cdiv(rows, b), x.size(1)])
    for t in hl.tile(rows, block_size=b):
        part[t.id, :] = x[t, :].sum(0)
    return part.sum(0)


def split_k(x, y):
    m, k = x.size()
    n = y.size(1)
    b = hl.register_block_size(k)
    part = torch.zeros([helion.cdiv(k, b), m, n])
    for tm, tn, tk in hl.tile([m, n, k], block_size=[None, None, b]):
        acc = hl.zeros([tm, tn])
        for ti in hl.tile(tk.begin, tk.end):
            acc = torch.addmm(acc, x[tm, ti], y[ti, tn])
        part[tk.id, tm, tn] = acc
    return part.sum(0)


def split_k_with_barrier(x, y):
    m, k = x.size()
    n = y.size(1)
    b = hl.register_block_size(k)
    pieces = helion.cdiv(k, b)
    part = torch.zeros([pieces, m, n])
    out = torch.empty([m, n])
    for tm, tn, tk in hl.tile([m, n, k], block_size=[None, None, b]):
        acc = hl.zeros([tm, tn])
        for ti in hl.tile(tk.begin, tk.end):
            acc = torch.addmm(acc, x[tm, ti], y[ti, tn])
        part[tk.id, tm, tn] = acc
    hl.barrier()
    for tm, tn in hl.tile([m, n]):
        out[tm, tn] = part[:, tm, tn].sum(0)
    return out


def unpacked_int4(x, w):
    m, k = x.size()
    n = w.size(1)
    b = hl.register_block_size(k // 2)
    out = torch.empty([m, n])
    for tm, tn in hl.tile([m, n]):
        acc = hl.zeros([tm, tn])
        for tk in hl.tile(w.size(0), block_size=b):
            begin = tk.begin * 2
            a = x[tm, begin : begin + b * 2]
            packed = w[tk, tn]
            lo = packed << 4 >> 4
            hi = packed >> 4
            u = (
                torch.stack([lo, hi], dim=1)
                .reshape(tk.block_size * 2, tn.block_size)
                .to(torch.float32)
            )
            acc = torch.addmm(acc, a, u)
        out[tm, tn] = acc
    return out


def broadcast_matmul(x, y):
    out = torch.empty([x.size(0), x.size(1), y.size(1)])
    for b, m, n in hl.tile([x.size(0), x.size(1), y.size(1)]):
        acc = hl.zeros([b, m, n])
        for k in hl.tile(x.size(2)):
            acc = acc + torch.matmul(x[b, m, k], y[k, n])
        out[b, m, n] = acc
    return out


# Kernel, arguments, block sizes.
CASES: dict[str, tuple[Any, tuple[Any, ...], list[int] | None]] = {
    "grouped_maxima": (grouped_maxima, (torch.randn(5, 18),), [2]),
    "joined": (
        joined,
        (
            torch.randn(5, 3),
            torch.randn(5, 4),
        ),
        [2],
    ),
    "partial_sums": (partial_sums, (torch.randn(11, 6),), [4]),
    "split_k": (
        split_k,
        (
            torch.randn(20, 70),
            torch.randn(70, 17),
        ),
        [32, 16, 16, 16],
    ),
    "split_k_with_barrier": (
        split_k_with_barrier,
        (
            torch.randn(20, 70),
            torch.randn(70, 17),
        ),
        [32, 16, 16, 16, 16, 16],
    ),
    "unpacked_int4": (
        unpacked_int4,
        (
            torch.randn(20, 64),
            torch.randint(-128, 127, (32, 32), dtype=torch.int8),
        ),
        [16, 16, 16],
    ),
    "broadcast_matmul": (
        broadcast_matmul,
        (
            torch.randn(3, 20, 33),
            torch.randn(33, 18),
        ),
        [2, 16, 16, 16],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_as_in_reference_mode(name: str) -> None:
    kernel, arguments, block_sizes = CASES[name]
    configs = [] if block_sizes is None else [helion.Config(block_sizes=block_sizes)]
    compiled = helion.kernel(kernel, configs=configs, autotune_effort="none")
    reference = helion.kernel(kernel, configs=configs, ref_mode=True)
    # Sums of products are rounded in another order.
    torch.testing.assert_close(compiled(*arguments), reference(*arguments), rtol=1e-5, atol=1e-4)
