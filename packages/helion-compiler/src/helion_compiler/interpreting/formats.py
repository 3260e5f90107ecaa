"""Number formats: between the bits that a block holds and the values that they mean.

In: NumPy arrays and Triton scalar types. bfloat16 is held as uint16 and the 8-bit floats as uint8, because
NumPy has no such types; integers of either sign are held as signed integers, as in Triton's IR.
Out: `decode` gives float32 or float64 values, `encode` rounds values to nearest even and gives bits.
Assumed: the 8-bit formats saturate when rounded from a wider float, as NVIDIA's `cvt.satfinite` does.
"""

from functools import cache
from typing import Any, Final

import numpy as np
import torch

Array = np.ndarray[Any, np.dtype[Any]]

EIGHT_BIT_FLOATS: Final = {
    "fp8e4nv": torch.float8_e4m3fn,
    "fp8e5": torch.float8_e5m2,
    "fp8e4b8": torch.float8_e4m3fnuz,
    "fp8e5b16": torch.float8_e5m2fnuz,
}

_PLAIN: Final = {
    "int1": np.dtype(np.bool_),
    "fp16": np.dtype(np.float16),
    "bf16": np.dtype(np.uint16),
    "fp32": np.dtype(np.float32),
    "fp64": np.dtype(np.float64),
}


def storage_dtype(dtype: Any) -> np.dtype[Any]:
    """The NumPy type that holds elements of a Triton scalar or pointer type."""
    if dtype.is_ptr():
        return np.dtype(np.uint64)
    if dtype.name in _PLAIN:
        return _PLAIN[dtype.name]
    if dtype.is_fp8():
        return np.dtype(np.uint8)
    if dtype.is_int():
        return np.dtype(f"int{dtype.primitive_bitwidth}")
    raise TypeError(f"the interpreter has no representation for Triton's type {dtype}")


def element_bytes(dtype: Any) -> int:
    """The bytes of one element in memory; a bool takes a whole byte."""
    return max(1, int(dtype.primitive_bitwidth) // 8)


def decode(data: Array, dtype: Any) -> Array:
    """The values of bits: float32 for the 8- and 16-bit floats, anything else unchanged."""
    name = dtype.name
    if name == "bf16":
        return (data.astype(np.uint32) << np.uint32(16)).view(np.float32)
    if name == "fp16":
        return data.astype(np.float32)
    if dtype.is_fp8():
        values: Array = _values_of_eight_bits(name)[data]
        return values
    return data


def encode(values: Array, dtype: Any) -> Array:
    """The bits of float values rounded to nearest even in a Triton float type; NaN stays NaN."""
    name = dtype.name
    if name == "bf16":
        return _round_to_bfloat16(values.astype(np.float32, copy=False))
    if dtype.is_fp8():
        return _round_to_eight_bits(values.astype(np.float32, copy=False), name)
    return values.astype(storage_dtype(dtype), copy=False)


def encode_toward_zero(values: Array, dtype: Any) -> Array:
    """The bits of float values rounded toward zero, for `fp_downcast_rounding="rtz"`."""
    bits = encode(values, dtype)
    unsigned = bits.view(f"uint{8 * bits.itemsize}")
    too_large = np.abs(decode(bits, dtype)) > np.abs(values)
    # Floats are sign and magnitude: one less in the bits is the next value toward zero.
    nearer: Array = unsigned - too_large.astype(unsigned.dtype)
    return nearer.view(bits.dtype)


def _round_to_bfloat16(values: Array) -> Array:
    bits = values.view(np.uint32)
    to_even = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    rounded = (bits + to_even) >> np.uint32(16)
    # The carry of the rounding could turn a NaN into an infinity: keep its top bits and make it quiet.
    quiet = (bits >> np.uint32(16)) | np.uint32(0x40)
    return np.where(np.isnan(values), quiet, rounded).astype(np.uint16)


def _round_to_eight_bits(values: Array, name: str) -> Array:
    format_ = _eight_bit_float(name)
    largest = torch.finfo(format_).max
    rounded = torch.from_numpy(np.array(values)).clamp(-largest, largest).to(format_)
    return rounded.view(torch.uint8).numpy()


@cache
def _values_of_eight_bits(name: str) -> Array:
    bits = torch.arange(256, dtype=torch.uint8)
    return bits.view(_eight_bit_float(name)).to(torch.float32).numpy()


def _eight_bit_float(name: str) -> torch.dtype:
    if name not in EIGHT_BIT_FLOATS:
        raise NotImplementedError(
            f"the interpreter cannot convert {name}; it knows {', '.join(EIGHT_BIT_FLOATS)}"
        )
    return EIGHT_BIT_FLOATS[name]
