"""Problems with stacked tensors."""

from __future__ import annotations

from helion.exc.base import HelionError


class StackTensorcOnHost(HelionError):
    """Stacked tensors are made on the host."""

    title = "stacked tensors on the host"
    message = "`hl.stacktensor_like` was called outside of every tile loop"
    help = "make them inside a tile loop, from addresses loaded there"


class StackTensorDevPtrOnHost(HelionError):
    """The addresses are a whole tensor of the host."""

    title = "addresses on the host"
    message = "the addresses are a whole tensor of the host"
    help = "load them first: `hl.stacktensor_like(example, dev_ptrs[tile])`"


class StackTensorDevPtrDtype(HelionError):
    """The addresses are of the wrong dtype."""

    title = "addresses of the wrong dtype"
    message = "the addresses have dtype {dtype}"
    help = "give them as int64 or uint64: `torch.tensor([t.data_ptr() for t in tensors], dtype=torch.int64)`"


class StackTensorExampleOnDevice(HelionError):
    """The example is no tensor of the host."""

    title = "example is a value"
    message = "the tensor that the others are like is a value made inside the tile loop"
    help = "pass one of the kernel's tensors, whole"
