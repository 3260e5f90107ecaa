"""Kernels that store matrix products, with epilogues that can be done in parts and with others."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


def product(x: torch.Tensor, y: torch.Tensor, rows: hl.Tile, columns: hl.Tile) -> torch.Tensor:
    acc = hl.zeros([rows, columns], dtype=torch.float32)
    for depth in hl.tile(x.size(1)):
        acc = torch.addmm(acc, x[rows, depth], y[depth, columns])
    return acc


def new(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.empty([x.size(0), y.size(1)], dtype=x.dtype, device=x.device)


@helion.kernel()
def plain(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        out[rows, columns] = product(x, y, rows, columns).to(x.dtype)
    return out


@helion.kernel()
def one_dot(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        out[rows, columns] = (x[rows, :] @ y[:, columns]).to(x.dtype)
    return out


@helion.kernel()
def batched(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    batch, m, k = x.size()
    n = y.size(2)
    out = torch.empty([batch, m, n], dtype=x.dtype, device=x.device)
    for tile_b, tile_m, tile_n in hl.tile([batch, m, n]):
        acc = hl.zeros([tile_b, tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.baddbmm(acc, x[tile_b, tile_m, tile_k], y[tile_b, tile_k, tile_n])
        out[tile_b, tile_m, tile_n] = acc.to(x.dtype)
    return out


@helion.kernel()
def bias_and_residual(
    x: torch.Tensor, y: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor
) -> torch.Tensor:
    """The bias is loaded before the loop, the residual after it."""
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        row = bias[columns]
        acc = torch.relu(product(x, y, rows, columns) + row) + residual[rows, columns]
        out[rows, columns] = acc.to(x.dtype)
    return out


@helion.kernel()
def scaled_rows(x: torch.Tensor, y: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Row values, the indices of the columns, and a sum of columns that is no accumulator."""
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        acc = product(x, y, rows, columns) * scale[rows][:, None]
        weights = y[:, columns].sum(0)
        lower = rows.index[:, None] >= columns.index[None, :]
        out[rows, columns] = torch.where(lower, acc, -acc * weights).to(x.dtype)
    return out


@helion.kernel()
def stored_twice(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    out, raw = new(x, y), torch.empty([x.size(0), y.size(1)], device=x.device)
    for rows, columns in hl.tile(out.size()):
        acc = product(x, y, rows, columns)
        raw[rows, columns] = acc
        out[rows, columns] = torch.sigmoid(acc).to(x.dtype)
    return out, raw


@helion.kernel()
def gated(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        gate = product(x, z, rows, columns)
        acc = product(x, y, rows, columns)
        out[rows, columns] = (torch.sigmoid(gate) * gate * acc).to(x.dtype)
    return out


@helion.kernel()
def transposed(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty([y.size(1), x.size(0)], dtype=x.dtype, device=x.device)
    for rows, columns in hl.tile([x.size(0), y.size(1)]):
        out[columns, rows] = product(x, y, rows, columns).T.to(x.dtype)
    return out


@helion.kernel()
def added(x: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    for rows, columns in hl.tile(out.size()):
        acc = product(x, y, rows, columns)
        out[rows, columns] = (out[rows, columns] + acc).to(out.dtype)
    return out


@helion.kernel()
def masked(x: torch.Tensor, y: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    out = torch.zeros([x.size(0), y.size(1)], dtype=x.dtype, device=x.device)
    for rows, columns in hl.tile(out.size()):
        acc = product(x, y, rows, columns).to(x.dtype)
        hl.store(out, [rows, columns], acc, extra_mask=keep[columns][None, :] > 0)
    return out


@helion.kernel()
def inner_loop(x: torch.Tensor, y: torch.Tensor, flags: torch.Tensor) -> torch.Tensor:
    """Columns by a loop of the device, and a store in a branch."""
    out = torch.zeros([x.size(0), y.size(1)], dtype=x.dtype, device=x.device)
    for rows in hl.tile(x.size(0)):
        for columns in hl.tile(y.size(1)):
            acc = product(x, y, rows, columns)
            if flags[0] > 0:
                out[rows, columns] = acc.to(x.dtype)
    return out


@helion.kernel()
def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Columns are a whole dimension; what is stored besides, of the rows, is no product."""
    heads, length, size = q.size()
    size = hl.specialize(size)
    out = torch.empty_like(q)
    sums = torch.empty([heads, length], device=q.device)
    for head, rows in hl.tile([heads, length], block_size=[1, None]):
        query = q[head, rows, :]
        top = hl.full([head, rows], float("-inf"), dtype=torch.float32)
        total = torch.zeros_like(top)
        acc = hl.zeros([head, rows, size], dtype=torch.float32)
        for columns in hl.tile(length):
            scores = torch.bmm(query, k[head, columns, :].transpose(1, 2)).float()
            following = torch.maximum(top, torch.amax(scores, -1))
            weights = torch.exp(scores - following[:, :, None])
            shrunk = torch.exp(top - following)
            total = total * shrunk + torch.sum(weights, -1)
            acc = acc * shrunk[:, :, None]
            acc = torch.baddbmm(acc, weights.to(v.dtype), v[head, columns, :])
            top = following
        out[head, rows, :] = (acc / total[:, :, None]).to(out.dtype)
        sums[head, rows] = top + torch.log(total)
    return out, sums


@helion.kernel()
def planes(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """Two accumulators, one after the other, to two places of one tensor."""
    out = torch.empty([2, x.size(0), y.size(1)], dtype=x.dtype, device=x.device)
    for rows, columns in hl.tile([x.size(0), y.size(1)]):
        out[0, rows, columns] = product(x, y, rows, columns).to(x.dtype)
        out[1, rows, columns] = product(x, z, rows, columns).to(x.dtype)
    return out


@helion.kernel()
def dropped(x: torch.Tensor, y: torch.Tensor, seed: int) -> torch.Tensor:
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        acc = product(x, y, rows, columns)
        kept = hl.rand([rows, columns], seed=seed) > 0.25
        out[rows, columns] = torch.where(kept, acc, 0.0).to(x.dtype)
    return out


@helion.kernel()
def weighed(x: torch.Tensor, y: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """A row of a reduction that a config may roll into a loop."""
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        weights = w[columns, :].to(torch.float32).sum(-1)
        acc = product(x, y, rows, columns)
        out[rows, columns] = (acc * weights).to(x.dtype)
    return out


# What cannot be done in parts.


@helion.kernel()
def normalized(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        acc = product(x, y, rows, columns)
        out[rows, columns] = (acc - acc.amax(-1, keepdim=True)).to(x.dtype)
    return out


@helion.kernel()
def summed_too(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    out, sums = new(x, y), torch.empty([x.size(0), y.size(1)], device=x.device)
    for rows, columns in hl.tile(out.size()):
        acc = product(x, y, rows, columns)
        out[rows, columns] = acc.to(x.dtype)
        hl.store(sums, [rows, columns.id], acc.sum(-1))
    return out, sums


@helion.kernel()
def rearranged(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        acc = torch.cumsum(product(x, y, rows, columns), -1)
        out[rows, columns] = acc.to(x.dtype)
    return out


@helion.kernel()
def scattered(x: torch.Tensor, y: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        out[rows, places[columns]] = product(x, y, rows, columns).to(x.dtype)
    return out


@helion.kernel()
def overwritten(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = new(x, y)
    for rows, columns in hl.tile(out.size()):
        out[rows, columns] = hl.full([rows, columns], 0.0, dtype=x.dtype)
        out[rows, columns] = product(x, y, rows, columns).to(x.dtype)
    return out


@helion.kernel()
def read_back(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    out, twice = new(x, y), new(x, y)
    for rows, columns in hl.tile(out.size()):
        acc = product(x, y, rows, columns)
        out[rows, columns] = acc.to(x.dtype)
        twice[rows, columns] = (out[rows, columns] + acc).to(x.dtype)
    return out, twice


@helion.kernel()
def added_atomically(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.zeros([x.size(0), y.size(1)], device=x.device)
    for rows, columns in hl.tile(out.size()):
        hl.atomic_add(out, [rows, columns], product(x, y, rows, columns))
    return out


@helion.kernel()
def squares(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for batch in hl.tile(x.size(0)):
        out[batch, :, :] = (x[batch, :, :] @ y[batch, :, :]).to(x.dtype)
    return out


@helion.kernel()
def no_product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(out.size()):
        out[tile] = x[tile] + y[tile]
    return out
