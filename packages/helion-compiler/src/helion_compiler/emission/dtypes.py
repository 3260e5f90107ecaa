"""Dtypes as Triton writes them."""

from __future__ import annotations

import torch

from helion import exc

_DTYPES = {
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


def dtype_text(dtype: torch.dtype) -> str:
    """A dtype as Triton writes it."""
    if dtype not in _DTYPES:
        raise exc.UnsupportedOperator(operator=str(dtype), reason="Triton has no such dtype")
    return _DTYPES[dtype]
