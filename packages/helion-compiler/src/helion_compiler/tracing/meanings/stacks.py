"""Several tensors of one layout, given by their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion import exc
from helion.language import StackTensor
from helion_compiler.tracing.location import here
from helion_compiler.tracing.meanings.registry import meaning

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@meaning
def stacktensor_like(
    trace: Trace, tensor_like: torch.Tensor, dev_ptrs: torch.Tensor
) -> StackTensor:
    """``hl.stacktensor_like``: the two together, checked."""
    if not trace.on_device:
        raise exc.StackTensorcOnHost(span=here())
    if dev_ptrs.dtype not in (torch.int64, torch.uint64):
        raise exc.StackTensorDevPtrDtype(span=here(), dtype=dev_ptrs.dtype)
    if trace.is_value(tensor_like):
        raise exc.StackTensorExampleOnDevice(span=here())
    if not trace.is_value(dev_ptrs):
        raise exc.StackTensorDevPtrOnHost(span=here())
    return StackTensor(tensor_like, dev_ptrs)
