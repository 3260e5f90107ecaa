"""CUDA's libdevice, by symbol, on NumPy arrays.

In: the name of a symbol such as `__nv_tanhf`. Out: a function of float32, float64 or integer arrays with the
symbol's meaning, computed by PyTorch or NumPy in the arguments' own precision.
Assumed: a directed rounding (`_rz`, `_rd`, `_ru`) cannot be had from either, so those symbols are refused,
except in conversions to integers, where it is exact.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch

from helion_compiler.interpreting.arithmetic import Operation, fused_multiply_add, high_product
from helion_compiler.interpreting.casting import truncated_to_integer
from helion_compiler.interpreting.formats import Array

Tensor = torch.Tensor


def libdevice_function(symbol: str) -> Operation:
    """The meaning of a libdevice symbol, for arrays of one shape; raises NotImplementedError if unknown."""
    name = symbol.removeprefix("__nv_")
    for candidate in (
        name,
        name.removesuffix("f"),
        name.removesuffix("ll"),
        name.removesuffix("d"),
    ):
        if candidate in _FUNCTIONS:
            return _FUNCTIONS[candidate]
    if conversion := _TO_INTEGER.fullmatch(name):
        return _to_integer(*conversion.groups())
    if conversion := _TO_FLOAT.fullmatch(name):
        return lambda x: x.astype(_FLOATS[conversion["float"]])
    raise NotImplementedError(f"the interpreter has no libdevice function {symbol!r}")


def _torch(function: Callable[..., Tensor]) -> Operation:
    def apply(*arrays: Array) -> Array:
        # PyTorch warns about read-only arrays, which broadcasting gives: hence the copies.
        result: Array = function(*(torch.from_numpy(np.array(it)) for it in arrays)).numpy()
        return result

    return apply


def _round_half_away(x: Array) -> Array:
    whole = np.trunc(x)
    return np.where(np.abs(x - whole) >= 0.5, whole + np.copysign(1, x), whole).astype(x.dtype)


def _gamma(x: Tensor) -> Tensor:
    negative = (x < 0) & (torch.floor(x) % 2 != 0)
    return torch.where(negative, -1.0, 1.0) * torch.exp(torch.lgamma(x))


def _ieee_remainder(x: Array, y: Array) -> Array:
    """x - n * y with n the nearest integer to x / y, ties to even: exact by fmod, then one correction."""
    size = np.abs(y)
    rest = np.fmod(x, 2 * size)
    magnitude = np.abs(rest)
    steps = np.where(magnitude <= size / 2, 0, np.where(magnitude < 1.5 * size, 1, 2))
    nearest: Array = rest - np.copysign(steps.astype(x.dtype) * size, rest)
    return nearest


def _bits(x: Array) -> Array:
    """The bits of integers, least significant first, along a new last axis."""
    octets = np.ascontiguousarray(x)[..., None].view(np.uint8)
    return np.unpackbits(octets, axis=-1, bitorder="little")


def _population(x: Array) -> Array:
    ones: Array = _bits(x).sum(axis=-1, dtype=np.int32)
    return ones


def _find_first_set(x: Array) -> Array:
    return np.where(x == 0, 0, np.argmax(_bits(x), axis=-1) + 1).astype(np.int32)


def _leading_zeros(x: Array) -> Array:
    width = 8 * x.itemsize
    return np.where(x == 0, width, np.argmax(_bits(x)[..., ::-1], axis=-1)).astype(np.int32)


def _reversed_bits(x: Array) -> Array:
    packed = np.packbits(_bits(x)[..., ::-1], axis=-1, bitorder="little")
    return np.ascontiguousarray(packed).view(x.dtype)[..., 0]


def _exponent(x: Array) -> Array:
    return np.where(x == 0, -np.inf, np.frexp(x)[1] - 1.0)


def _integer_exponent(x: Array) -> Array:
    special = np.where(x == 0, -(2**31), 2**31 - 1)
    return np.where((x == 0) | ~np.isfinite(x), special, np.frexp(x)[1] - 1)


def _signed_high_product(x: Array, y: Array) -> Array:
    unsigned = f"uint{8 * x.itemsize}"
    product = high_product(x.view(unsigned), y.view(unsigned)).view(x.dtype)
    corrected: Array = product - np.where(x < 0, y, 0) - np.where(y < 0, x, 0)
    return corrected


def _bitcast(name: str) -> Operation:
    return lambda x: np.ascontiguousarray(x).view(name)


def _norm(*values: Array) -> Array:
    length: Array = np.sqrt(np.sum(np.square(values), axis=0))
    return length


def _exponential(x: Array, base: float) -> Array:
    power: Array = np.power(x.dtype.type(base), x)
    return power


_FUNCTIONS: Final[dict[str, Operation]] = {
    # exponentials and logarithms
    "exp": _torch(torch.exp),
    "exp2": _torch(torch.exp2),
    "exp10": lambda x: _exponential(x, 10),
    "expm1": _torch(torch.expm1),
    "log": _torch(torch.log),
    "log1p": _torch(torch.log1p),
    "log2": _torch(torch.log2),
    "log10": _torch(torch.log10),
    "logb": _exponent,
    "ilogb": _integer_exponent,
    # powers and roots
    "sqrt": np.sqrt,
    "rsqrt": _torch(torch.rsqrt),
    "cbrt": np.cbrt,
    "rcbrt": lambda x: 1 / np.cbrt(x),
    "pow": _torch(torch.pow),
    "powi": _torch(torch.pow),
    "hypot": _torch(torch.hypot),
    "rhypot": lambda x, y: 1 / np.hypot(x, y),
    "norm3d": _norm,
    "norm4d": _norm,
    "rnorm3d": lambda *values: 1 / _norm(*values),
    "rnorm4d": lambda *values: 1 / _norm(*values),
    # trigonometry
    "sin": _torch(torch.sin),
    "cos": _torch(torch.cos),
    "tan": _torch(torch.tan),
    "sinpi": lambda x: np.sin(x.dtype.type(math.pi) * np.fmod(x, 2)),
    "cospi": lambda x: np.cos(x.dtype.type(math.pi) * np.fmod(x, 2)),
    "asin": _torch(torch.asin),
    "acos": _torch(torch.acos),
    "atan": _torch(torch.atan),
    "atan2": _torch(torch.atan2),
    "sinh": _torch(torch.sinh),
    "cosh": _torch(torch.cosh),
    "tanh": _torch(torch.tanh),
    "asinh": _torch(torch.asinh),
    "acosh": _torch(torch.acosh),
    "atanh": _torch(torch.atanh),
    # special functions
    "erf": _torch(torch.erf),
    "erfc": _torch(torch.erfc),
    "erfcx": _torch(torch.special.erfcx),
    "erfinv": _torch(torch.erfinv),
    "erfcinv": _torch(lambda x: torch.erfinv(1 - x)),
    "normcdf": _torch(torch.special.ndtr),
    "normcdfinv": _torch(torch.special.ndtri),
    "lgamma": _torch(torch.lgamma),
    "tgamma": _torch(_gamma),
    "j0": _torch(torch.special.bessel_j0),
    "j1": _torch(torch.special.bessel_j1),
    "y0": _torch(torch.special.bessel_y0),
    "y1": _torch(torch.special.bessel_y1),
    "cyl_bessel_i0": _torch(torch.special.i0),
    "cyl_bessel_i1": _torch(torch.special.i1),
    # rounding and remainders
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "rint": np.rint,
    "nearbyint": np.rint,
    "llrint": lambda x: truncated_to_integer(np.rint(x), 64, is_signed=True),
    "round": _round_half_away,
    "llround": lambda x: truncated_to_integer(_round_half_away(x), 64, is_signed=True),
    "fmod": np.fmod,
    "remainder": _ieee_remainder,
    # signs, neighbours and classes
    "abs": np.abs,
    "llabs": np.abs,
    "fabs": np.abs,
    "copysign": np.copysign,
    "signbit": np.signbit,
    "nextafter": np.nextafter,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "finite": np.isfinite,
    "isfinite": np.isfinite,
    "saturate": lambda x: np.fmin(np.fmax(x, 0), 1),
    "fdim": lambda x, y: np.where(x > y, x - y, np.where(np.isnan(x) | np.isnan(y), np.nan, 0)),
    # arithmetic
    "fma": fused_multiply_add,
    "fma_rn": fused_multiply_add,
    "fmaf_rn": fused_multiply_add,
    "ldexp": np.ldexp,
    "scalbn": np.ldexp,
    "rcp64h": np.reciprocal,
    **{f"{kind}add_rn": np.add for kind in "fd"},
    **{f"{kind}sub_rn": np.subtract for kind in "fd"},
    **{f"{kind}mul_rn": np.multiply for kind in "fd"},
    **{f"{kind}div_rn": np.divide for kind in "fd"},
    **{f"{kind}rcp_rn": np.reciprocal for kind in "fd"},
    **{f"{kind}sqrt_rn": np.sqrt for kind in "fd"},
    "frsqrt_rn": _torch(torch.rsqrt),
    # the approximations of the fast functions are no part of their meaning
    "fast_fdivide": np.divide,
    "fast_sin": _torch(torch.sin),
    "fast_cos": _torch(torch.cos),
    "fast_tan": _torch(torch.tan),
    "fast_tanh": _torch(torch.tanh),
    "fast_exp": _torch(torch.exp),
    "fast_exp10": lambda x: _exponential(x, 10),
    "fast_log": _torch(torch.log),
    "fast_log2": _torch(torch.log2),
    "fast_log10": _torch(torch.log10),
    "fast_pow": _torch(torch.pow),
    # integers and bits
    "popc": _population,
    "ffs": _find_first_set,
    "clz": _leading_zeros,
    "brev": _reversed_bits,
    "mulhi": _signed_high_product,
    "mul64hi": _signed_high_product,
    "int_as_float": _bitcast("float32"),
    "uint_as_float": _bitcast("float32"),
    "float_as_int": _bitcast("int32"),
    "float_as_uint": _bitcast("int32"),
    "longlong_as_double": _bitcast("float64"),
    "double_as_longlong": _bitcast("int64"),
}

_FLOATS: Final[dict[str, Any]] = {"float": np.float32, "double": np.float64}
_TO_FLOAT: Final = re.compile(r"(?:int|ll|float|double)2(?P<float>float|double)_rn")
_TO_INTEGER: Final = re.compile(r"(?:float|double)2(u?)(int|ll)_(rn|rz|rd|ru)")
_ROUNDINGS: Final[dict[str, Operation]] = {
    "rn": np.rint,
    "rz": np.trunc,
    "rd": np.floor,
    "ru": np.ceil,
}


def _to_integer(unsigned: str, kind: str, rounding: str) -> Operation:
    bits, rounded = 64 if kind == "ll" else 32, _ROUNDINGS[rounding]
    return lambda x: truncated_to_integer(rounded(x), bits, is_signed=not unsigned)
