"""Rows of a table by index: the forward gather and the backward scatter of an embedding.

A tile of integers is a subscript like any other. On the way back, rows that were asked for several times get several
gradients, from several programs at once, so they are added by atomics.
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, pick


@helion.kernel()
def embedding_forward(index: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """``table[index]`` for an index of any shape and ``[rows, columns]``."""
    _, columns = table.size()
    flat = index.reshape(-1)
    out = torch.empty([flat.size(0), columns], dtype=table.dtype, device=table.device)
    for tile_i, tile_c in hl.tile([flat.size(0), columns]):
        out[tile_i, tile_c] = table[flat[tile_i], tile_c]
    return out.view(*index.size(), columns)


@helion.kernel()
def embedding_backward(grad_out: torch.Tensor, index: torch.Tensor, rows: int) -> torch.Tensor:
    """The gradient of the table, ``[rows, columns]`` float32, from ``[indices, columns]``."""
    indices, columns = grad_out.size()
    grad_table = torch.zeros([rows, columns], dtype=torch.float32, device=grad_out.device)
    for tile_i, tile_c in hl.tile([indices, columns]):
        grads = grad_out[tile_i, tile_c].to(torch.float32)
        hl.atomic_add(grad_table, [index[tile_i], tile_c], grads)
    return grad_table


class Embedding(torch.autograd.Function):
    """Rows of a table, known to autograd."""

    @staticmethod
    def forward(ctx: Any, index: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """Keeps the index."""
        ctx.save_for_backward(index)
        ctx.rows = table.size(0)
        return embedding_forward(index, table)

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of the table."""
        (index,) = ctx.saved_tensors
        grads = grad_out.reshape(-1, grad_out.size(-1))
        return None, embedding_backward(grads, index.reshape(-1), ctx.rows).to(grad_out.dtype)


def embedding(index: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """``torch.nn.functional.embedding``, differentiable."""
    result: torch.Tensor = Embedding.apply(index, table)
    return result


def reference(index: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.nn.functional.embedding(index, table)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, columns = pick(gpu=50_000, cpu=11), pick(gpu=512, cpu=33)
    index = torch.randint(0, rows, (pick(gpu=64, cpu=3), pick(gpu=1024, cpu=7)), device=DEVICE)
    table = torch.randn(rows, columns, device=DEVICE)
    compare("embedding", embedding, reference, (index, table))
    compare("embedding, backward", gradients(embedding), gradients(reference), (index, table))


if __name__ == "__main__":
    main()
