"""Element types as Triton writes them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TRITON_TYPES"]

TRITON_TYPES: Mapping[torch.dtype, str] = MappingProxyType(
    {
        torch.bool: "tl.int1",
        torch.uint8: "tl.uint8",
        torch.uint16: "tl.uint16",
        torch.uint32: "tl.uint32",
        torch.uint64: "tl.uint64",
        torch.int8: "tl.int8",
        torch.int16: "tl.int16",
        torch.int32: "tl.int32",
        torch.int64: "tl.int64",
        torch.float16: "tl.float16",
        torch.bfloat16: "tl.bfloat16",
        torch.float32: "tl.float32",
        torch.float64: "tl.float64",
        torch.float8_e4m3fn: "tl.float8e4nv",
        torch.float8_e5m2: "tl.float8e5",
    }
)
"""The types that a kernel may have values of."""
