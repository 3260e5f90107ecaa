"""Kernels whose config spaces are tried as a whole, with small arguments of odd sizes, and what torch makes of them."""

from __future__ import annotations

import inspect
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import attrs
import torch

import helion
import helion.language as hl
from helion.backends import KernelDefinition
from helion_compiler.building import parse_target
from helion_compiler.compiled_kernel import CompiledKernel

if TYPE_CHECKING:
    from collections.abc import Callable


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] + y[tile]
    return out


def softmax(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for rows in hl.tile(x.size(0)):
        out[rows, :] = torch.softmax(x[rows, :], dim=1)
    return out


def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    n = y.size(1)
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    heads, length, size = q.size()
    size = hl.specialize(size)
    out = torch.empty_like(q)
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
    return out


def jagged_sums(data: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    rows = offsets.size(0) - 1
    out = torch.empty([rows], dtype=data.dtype, device=data.device)
    for tile in hl.tile(rows):
        starts = offsets[tile]
        lengths = offsets[tile.index + 1] - starts
        acc = hl.zeros([tile], dtype=data.dtype)
        for part in hl.tile(0, lengths.amax()):
            inside = part.index[None, :] < lengths[:, None]
            places = starts[:, None] + part.index[None, :]
            acc = acc + hl.load(data, [places], extra_mask=inside).sum(1)
        out[tile] = acc
    return out


def column_sums(x: torch.Tensor) -> torch.Tensor:
    out = torch.zeros([x.size(1)], dtype=x.dtype, device=x.device)
    for rows, columns in hl.tile(x.size()):
        hl.atomic_add(out, [columns], x[rows, columns].sum(0))
    return out


def plane_sums(x: torch.Tensor) -> torch.Tensor:
    out = torch.zeros(x.shape[1:], dtype=torch.float32, device=x.device)
    for planes, rows, columns in hl.tile(x.size()):
        hl.atomic_add(out, [rows, columns], x[planes, rows, columns].sum(0))
    return out


def _attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return torch.softmax(q @ k.transpose(1, 2), -1) @ v


def _jagged_sums(data: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    ends = offsets.tolist()
    return torch.stack([data[start:end].sum() for start, end in pairwise(ends)])


@attrs.frozen
class Case:
    """A kernel, arguments of odd sizes, the largest of these blocks worth interpreting, and the same in torch."""

    function: Callable[..., torch.Tensor]
    make: Callable[[], tuple[Any, ...]]
    expected: Callable[..., torch.Tensor]

    def bind(self, *, static: bool = True) -> Any:
        """The specialization."""
        return helion.kernel(static_shapes=static)(self.function).bind(self.make())

    def bind_for(self, target: str) -> Any:
        """The compiler's specialization with the configs of a target; the interpreter runs it."""
        kernel = helion.kernel()(self.function)
        definition = KernelDefinition(
            function=self.function,
            name=self.function.__name__,
            signature=inspect.signature(self.function),
            configs=(),
            settings=kernel.settings,
        )
        return CompiledKernel(definition, parse_target(target).traits).bind(self.make())


CASES = {
    "add": Case(add, lambda: (torch.randn(37, 67), torch.randn(37, 67)), torch.add),
    "softmax": Case(softmax, lambda: (torch.randn(5, 131),), lambda x: torch.softmax(x, 1)),
    "matmul": Case(matmul, lambda: (torch.randn(70, 72), torch.randn(72, 40)), torch.matmul),
    "attention": Case(
        attention, lambda: tuple(torch.randn(2, 50, 16) for _ in range(3)), _attention
    ),
    "jagged_sums": Case(
        jagged_sums,
        lambda: (torch.randn(50), torch.tensor([0, 3, 3, 20, 21, 50])),
        _jagged_sums,
    ),
    "plane_sums": Case(plane_sums, lambda: (torch.randn(11, 19, 36),), lambda x: x.sum(0)),
    "column_sums": Case(column_sums, lambda: (torch.randn(33, 21),), lambda x: x.sum(0)),
}
"""By name."""
