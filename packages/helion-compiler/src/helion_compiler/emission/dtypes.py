"""Dtypes as Triton writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion import exc
from helion_compiler.torch_bridge.dtypes import TRITON_TYPES

if TYPE_CHECKING:
    import torch


def dtype_text(dtype: torch.dtype) -> str:
    """A dtype as Triton writes it."""
    if dtype not in TRITON_TYPES:
        raise exc.UnsupportedOperator(operator=str(dtype), reason="Triton has no such dtype")
    return TRITON_TYPES[dtype]
