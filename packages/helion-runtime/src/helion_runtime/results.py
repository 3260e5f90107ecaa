"""What an operator of host logic gave, made to be what the variant takes it to be.

Kernels have strides built in. Where an operator of this torch lays its result out in another way
than the one that was traced, the result is copied into the layout promised; another shape or dtype is
an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_runtime.errors import ResultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_runtime.evaluated import Result


def several(found: Any, count: int) -> Sequence[Any]:
    """The results of an operator, ``count`` of them; what it returns besides writing is dropped."""
    if count == 0:
        return ()
    results: Sequence[Any] = found if isinstance(found, (tuple, list)) else (found,)
    if len(results) != count:
        raise ResultError(f"an operator gave {len(results)} results, expected {count}")
    return results


def gives_one_tensor(function: Any) -> bool:
    """Whether an operator always gives a tensor, never a list of them."""
    returns = function._schema.returns
    return len(returns) == 1 and str(returns[0].type) == "Tensor"


def conform(tensor: Any, result: Result) -> torch.Tensor:
    """``tensor``, or its elements laid out as ``result`` says.

    Raises :class:`ResultError` for anything but a tensor of the shape and dtype of ``result``.
    """
    if not isinstance(tensor, torch.Tensor):
        if isinstance(tensor, (list, tuple)) and len(tensor) == 1:
            return conform(tensor[0], result)
        raise ResultError(
            f"buffer {result.buffer}: an operator gave a {type(tensor).__name__}, expected a tensor"
        )
    if tuple(tensor.shape) != result.sizes or tensor.dtype != result.dtype:
        raise ResultError(
            f"buffer {result.buffer}: an operator gave {tensor.dtype} {list(tensor.shape)}, "
            f"expected {result.dtype} {list(result.sizes)}"
        )
    if tensor.stride() == result.strides:
        return tensor
    if _matters(tensor, result):
        made = torch.empty_strided(
            result.sizes, result.strides, dtype=result.dtype, device=tensor.device
        )
        return made.copy_(tensor)
    return tensor.as_strided(result.sizes, result.strides, tensor.storage_offset())


def _matters(tensor: torch.Tensor, result: Result) -> bool:
    """Whether the strides differ where an index moves at all."""
    return tensor.numel() > 0 and any(
        size > 1 and found != expected
        for size, found, expected in zip(result.sizes, tensor.stride(), result.strides, strict=True)
    )
