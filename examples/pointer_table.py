"""The sum of many tensors that are no one tensor: a table of their addresses is what the kernel gets.

``hl.stacktensor_like`` makes one stacked tensor of all of them, of the layout of an example: a load from it has a
dimension for the tensors in front. The same serves buffers of other GPUs in symmetric memory.

    addresses   ● ● ●        stack[tile]   [tensors, tile]   ── .sum(0) ──>  out[tile]
                │ │ └─> t₂
                │ └───> t₁
                └─────> t₀
"""

from collections.abc import Sequence

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def sum_by_address(like: torch.Tensor, addresses: torch.Tensor) -> torch.Tensor:
    """The sum of all tensors, like each of them.

    Args:
        like: any one of them; rank 1.
        addresses: ``[tensors]`` int64.
    """
    out = torch.empty_like(like)
    for tile in hl.tile(like.size(0)):
        stack = hl.stacktensor_like(like, addresses[:])
        out[tile] = stack[tile].to(torch.float32).sum(dim=0)
    return out


def sum_of_tensors(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sum of tensors of one shape and dtype, contiguous."""
    pointers = [tensor.data_ptr() for tensor in tensors]
    addresses = torch.tensor(pointers, dtype=torch.int64, device=tensors[0].device)
    flat = tensors[0].view(-1)
    return sum_by_address(flat, addresses).view(tensors[0].shape)


def reference(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """The same by torch, which copies them into one first."""
    return torch.stack(list(tensors)).sum(dim=0)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    tensors = [torch.randn(pick(gpu=2**20, cpu=300), device=DEVICE) for _ in range(7)]
    compare("sum by address", sum_of_tensors, reference, (tensors,))


if __name__ == "__main__":
    main()
