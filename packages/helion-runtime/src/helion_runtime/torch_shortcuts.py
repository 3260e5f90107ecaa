"""What torch's own compiled code uses to be quick: guards of tensors, and allocation that parses nothing.

In: this process's torch. Out: the functions, or None where it has none; callers then take the public way, which gives
the same. They are private to torch (what ``torch.compile`` makes is written in terms of them, so they have stayed as
they are since 2.1), which is why they are looked for in this file alone.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., bool]


@cache
def find_guards() -> Callable[..., Check] | None:
    """``guard(*tensors)`` makes a check of as many arguments: whether each is like its tensor.

    Alike are tensors of the same class, dtype, device, sizes and strides, with the same dispatch keys under the same
    modes (so neither of them lazily negated or conjugated, if the other is not), that require gradients or do not.
    Anything that is no tensor is not alike. A guard keeps no tensor alive.
    """
    guards = _private("TensorGuards")
    if guards is None:
        return None

    def guard(*tensors: torch.Tensor) -> Check:
        # What is None there would be open, under these names.
        sizes = [list(tensor.shape) for tensor in tensors]
        strides = [list(tensor.stride()) for tensor in tensors]
        made = guards(*tensors, dynamic_dims_sizes=sizes, dynamic_dims_strides=strides)
        check: Check = made.check
        return check

    return guard


def refuse(*_arguments: object) -> bool:
    """The check that nothing passes."""
    return False


@cache
def find_empty(device_type: str) -> Callable[..., torch.Tensor] | None:
    """``empty(sizes, strides, dtype)`` on the thread's device of that type; sizes and strides are tuples.

    No mode of torch's sees it, as none sees the launch behind it.
    """
    empty: Callable[..., torch.Tensor] | None = _private(f"_empty_strided_{device_type}")
    return empty


def _private(name: str) -> Any:
    compiled = getattr(getattr(torch._C, "_dynamo", None), "guards", None)
    return getattr(compiled, name, None)
