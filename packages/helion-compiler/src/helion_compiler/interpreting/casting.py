"""Casts between Triton's scalar types, as a GPU does them.

In: a handle and the IR type wanted. Out: a handle of that type.
Casts to smaller floats round to nearest even unless the kernel asks for rounding toward zero.
Casts from floats to integers truncate and saturate at 32 or 64 bits, and NaN becomes 0; narrower integers
take the low bits of that. Integers reach the 16-bit floats through float32, as in PyTorch.
Assumed: Triton's semantic layer has turned casts to bool into comparisons with zero.
"""

from typing import Any

import numpy as np
from triton._C.libtriton import ir
from triton.runtime.interpreter import TensorHandle

from helion_compiler.interpreting.arithmetic import Arithmetic, signed, unsigned
from helion_compiler.interpreting.formats import (
    Array,
    decode,
    encode,
    encode_toward_zero,
    storage_dtype,
)


def truncated_to_integer(values: Array, bits: int, *, is_signed: bool) -> Array:
    """Floats truncated to integers of `bits` bits, saturating; NaN gives 0."""
    target = np.dtype(f"{'int' if is_signed else 'uint'}{max(bits, 32)}")
    limits = np.iinfo(target)
    whole = np.trunc(np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf))
    below, above = whole < float(limits.min), whole >= float(limits.max) + (bits < 64)
    inside = np.where(below | above, 0, whole).astype(target)
    saturated = np.where(above, limits.max, np.where(below, limits.min, inside)).astype(target)
    return saturated.astype(f"{'int' if is_signed else 'uint'}{bits}")


class Casting(Arithmetic):
    """The part of the builder that converts between types."""

    def create_fp_trunc(self, source: Any, target: Any) -> Any:
        """A narrower float, to nearest even."""
        return _converted(source, target, encode)

    def create_fp_ext(self, source: Any, target: Any) -> Any:
        """A wider float of the same value."""
        return _converted(source, target, encode)

    def create_fp_to_fp(self, source: Any, target: Any, rounding: Any) -> Any:
        """Any float from any float, with the rounding that the kernel names."""
        toward_zero = rounding == ir.ROUNDING_MODE.RTZ
        return _converted(source, target, encode_toward_zero if toward_zero else encode)

    def create_fp_to_si(self, source: Any, target: Any) -> Any:
        """A signed integer."""
        return _integer_of_float(source, target, is_signed=True)

    def create_fp_to_ui(self, source: Any, target: Any) -> Any:
        """An unsigned integer."""
        return _integer_of_float(source, target, is_signed=False)

    def create_si_to_fp(self, source: Any, target: Any) -> Any:
        """The float of a signed integer."""
        return _float_of_integer(signed(source.data), target)

    def create_ui_to_fp(self, source: Any, target: Any) -> Any:
        """The float of an unsigned integer or bool."""
        return _float_of_integer(unsigned(source.data), target)

    def create_int_cast(self, source: Any, target: Any, is_signed: bool) -> Any:
        """A wider integer, extended by sign or by zeros, or the low bits of one."""
        data = signed(source.data) if is_signed else unsigned(source.data)
        return TensorHandle(data.astype(storage_dtype(target.scalar)), target.scalar)

    def create_bitcast(self, source: Any, target: Any) -> Any:
        """The same bits under another type of the same size."""
        data = np.ascontiguousarray(source.data)
        return TensorHandle(data.view(storage_dtype(target.scalar)), target.scalar)

    create_int_to_ptr = create_bitcast
    create_ptr_to_int = create_bitcast


def _converted(source: Any, target: Any, rounded: Any) -> Any:
    values = decode(source.data, source.dtype.scalar)
    return TensorHandle(rounded(values, target.scalar), target.scalar)


def _integer_of_float(source: Any, target: Any, *, is_signed: bool) -> Any:
    values = decode(source.data, source.dtype.scalar)
    bits = target.scalar.primitive_bitwidth
    whole = truncated_to_integer(values, bits, is_signed=is_signed)
    return TensorHandle(signed(whole), target.scalar)


def _float_of_integer(data: Array, target: Any) -> Any:
    narrow = target.scalar.primitive_bitwidth <= 16
    values = data.astype(np.float32) if narrow else data
    return TensorHandle(encode(values, target.scalar), target.scalar)
