"""Several tensors of one layout, given by their addresses, as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.language._declare import declare

if TYPE_CHECKING:
    import torch

    from helion.language.memory import StackTensor


@declare
def stacktensor_like(tensor_like: torch.Tensor, dev_ptrs: torch.Tensor) -> StackTensor:
    """The tensors at the given addresses as one stacked tensor.

    Args:
        tensor_like: a tensor of the host with the shape, strides and dtype that each of them has.
        dev_ptrs: their addresses (``tensor.data_ptr()``), int64 or uint64, a value inside of the tile loop; its
            dimensions become the stacking ones.

    Returns:
        What subscripts, :func:`load`, :func:`store` and the atomics take in place of a tensor.

    Raises:
        StackTensorDevPtrDtype: the addresses have another dtype.
        StackTensorDevPtrOnHost: the addresses are a whole tensor of the host.
        StackTensorExampleOnDevice: ``tensor_like`` is a value inside of the loop.
        StackTensorcOnHost: outside of a tile loop.

    Example:
        @helion.kernel()
        def total(example: torch.Tensor, addresses: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(example)
            for tile in hl.tile(example.size(0)):
                stack = hl.stacktensor_like(example, addresses[:])
                out[tile] = stack[tile].sum(0)
            return out

        parts = [torch.ones(3), torch.full([3], 2.0)]
        addresses = torch.tensor([part.data_ptr() for part in parts])
        assert total(parts[0], addresses).tolist() == [3, 3, 3]
    """
    raise NotImplementedError
