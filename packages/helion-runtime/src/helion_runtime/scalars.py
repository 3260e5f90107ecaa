"""Numbers passed to kernels by value: their sizes in bytes, their ranges, their bytes.

Type names are Triton's. Everything is little-endian, as every machine with a supported GPU is.
"""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING

from helion_runtime.errors import ScalarRangeError

if TYPE_CHECKING:
    from collections.abc import Mapping

POINTER_SIZE = 8
TENSOR_MAP_SIZE = 128

_INTEGERS: Mapping[str, tuple[str, int, int]] = {
    "i1": ("B", 0, 1),
    "i8": ("b", -(2**7), 2**7 - 1),
    "i16": ("h", -(2**15), 2**15 - 1),
    "i32": ("i", -(2**31), 2**31 - 1),
    "i64": ("q", -(2**63), 2**63 - 1),
    "u1": ("B", 0, 1),
    "u8": ("B", 0, 2**8 - 1),
    "u16": ("H", 0, 2**16 - 1),
    "u32": ("I", 0, 2**32 - 1),
    "u64": ("Q", 0, 2**64 - 1),
}
_FLOATS: Mapping[str, str] = {"fp16": "e", "bf16": "H", "fp32": "f", "fp64": "d"}

FLOAT_TYPES = frozenset(_FLOATS)

FORMATS: Mapping[str, str] = {**{name: row[0] for name, row in _INTEGERS.items()}, **_FLOATS}
"""The ``struct`` letter of each scalar type; ``bf16`` travels as its sixteen bits."""

SIZES: Mapping[str, int] = {
    **{name: struct.calcsize("=" + letter) for name, letter in FORMATS.items()},
    "pointer": POINTER_SIZE,
    "global_scratch": POINTER_SIZE,
    "profile_scratch": POINTER_SIZE,
    "tensormap": TENSOR_MAP_SIZE,
}
"""Bytes of every word that may stand in ``KernelEntry.parameters``."""


def packable(type_name: str, value: object, where: str) -> int | float:
    """``value`` as ``struct`` packs it under ``FORMATS[type_name]``.

    Integers must fit their type exactly. Floats round to nearest, and to infinity beyond the range,
    as a C cast does.
    """
    if type_name in _INTEGERS:
        return _integer(type_name, value, where)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ScalarRangeError(f"{where}: expected a number for {type_name}, found {value!r}")
    return rounded(type_name, float(value))


def rounded(type_name: str, value: float) -> int | float:
    """A float as ``struct`` packs it under ``FORMATS[type_name]``, never overflowing."""
    if type_name == "fp64":
        return value
    if type_name == "fp32":
        return ctypes.c_float(value).value
    if type_name == "bf16":
        return _bfloat16_bits(value)
    try:
        struct.pack("=e", value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return value


def float_bits(type_name: str, value: float) -> int:
    """The sixteen bits of a float as fp16 or bf16, rounded."""
    made = rounded(type_name, value)
    if type_name == "bf16":
        return int(made)
    return int.from_bytes(struct.pack("=e", made), "little")


def pack(type_name: str, value: object, where: str) -> bytes:
    """The bytes of one scalar parameter."""
    return struct.pack("=" + FORMATS[type_name], packable(type_name, value, where))


def _integer(type_name: str, value: object, where: str) -> int:
    _, low, high = _INTEGERS[type_name]
    if not isinstance(value, int) or not low <= value <= high:
        raise ScalarRangeError(
            f"{where}: expected an integer between {low} and {high} for {type_name}, found {value!r}. "
            "Use smaller tensors, or a variant built with 64-bit indices."
        )
    return int(value)


def _bfloat16_bits(value: float) -> int:
    """The upper half of the float32, rounded to nearest even; a NaN stays one."""
    bits = int.from_bytes(struct.pack("=f", ctypes.c_float(value).value), "little")
    if value != value:  # noqa: PLR0124 - the test for NaN that needs no import
        return (bits >> 16) | 0x40
    return min((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16, 0xFFFF)
