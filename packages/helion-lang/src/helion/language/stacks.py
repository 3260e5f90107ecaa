"""Several tensors of one layout, given by their addresses, as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion.language._declare import declare
from helion.language.memory import load, store

if TYPE_CHECKING:
    import torch


@attrs.frozen(eq=False)
class StackTensor:
    """Tensors that are alike, stacked: made by :func:`stacktensor_like`, never by users.

    A subscript applies to each of them: reading gives their parts stacked in the shape of ``dev_ptrs``, and an assigned
    value is taken apart along these dimensions.

    Attributes:
        tensor_like: a tensor with the shape, strides and dtype of each.
        dev_ptrs: their addresses.
    """

    tensor_like: torch.Tensor
    dev_ptrs: torch.Tensor

    @property
    def dtype(self) -> torch.dtype:
        """Of each tensor."""
        return self.tensor_like.dtype

    @property
    def device(self) -> torch.device:
        """Of each tensor."""
        return self.tensor_like.device

    @property
    def shape(self) -> tuple[int, ...]:
        """The stacking dimensions, then those of each tensor."""
        return (*self.dev_ptrs.shape, *self.tensor_like.shape)

    def __getitem__(self, index: Any) -> torch.Tensor:
        return load(self, _entries(index))

    def __setitem__(self, index: Any, value: torch.Tensor | float) -> None:
        store(self, _entries(index), value)


def _entries(index: Any) -> list[Any]:
    return list(index) if isinstance(index, (tuple, list)) else [index]


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
    """
    raise NotImplementedError
