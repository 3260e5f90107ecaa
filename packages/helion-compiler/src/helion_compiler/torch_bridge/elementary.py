"""Elementary functions of float32 in fewer instructions of NVIDIA's GPUs than TorchInductor's text takes.

In: the name of one of TorchInductor's ops, or of an operator. Out: a Triton function of float32 tiles. Each is as exact
as the text that it stands for (the tests measure both), special values and numbers below 2**-126 included; what
`fast_math` permits is in `approximations`. The texts are for NVIDIA: other targets have no instruction for what they
begin with.

Errors, an ulp being a unit in the last place of the result:

* `natural_logarithm`: 0.91 ulp, where `__nv_logf` has 0.86. With e the nearest integer to log2(x), the mantissa
  m = x / 2**e is in [sqrt(1/2), sqrt(2)], and log(x) = e log(2) + log1p(m - 1), the latter by a polynomial. That is
  how `logf` has always been done; what is new is to ask the hardware for log2(x): how inexact its answer is does not
  matter for e, and for zero, infinity, negative numbers and NaN it is -inf, inf and NaN, with which the rest computes
  what is due. So nothing has to be told apart but numbers below 2**-126, and 20 instructions do for 26.
* `hyperbolic_tangent`: 0.72 ulp below 0.6, where `__nv_tanhf` has 1.8, and the same formula beyond, 1 - 2 / (1 +
  exp(2|x|)), which 2 ulp of `ex2.approx` make 2.2. Both ways are computed and one is selected, 14 instructions, where
  `__nv_tanhf` branches for each lane.
* `logistic`: 1 / (1 + exp(-x)) with the exponential of `tl.sigmoid`: 2 + |1.173 x| ulp of it, and zero from x = -88.73
  on, as there. A fourth of the denominator always has a normal reciprocal, so nothing has to be told apart; 5
  instructions for 12.
* `self_gated`, x / (1 + exp(-x)), which is `silu`: exp(-x) is 2**h exp(r) with h = -x log2(e) as float32 rounds it and
  r = -x - h log(2) what that leaves, so small that 1 + r is its exponential. A fourth of the denominator has a normal
  reciprocal, as above. 2.8 ulp where instructions are exact, of which `ex2.approx` may add 1.5 and `rcp.approx` 0.5;
  of TorchInductor's quotient 1.5, of which `expf` may add 1.5 and `div.full` another 1.5. From x = -88.73 on it is
  zero, as there. 10 instructions for 18.
* `roughly_self_gated`, the same with the exponential of `logistic`, for results that are rounded to 16 bits: 3 +
  |1.173 x| ulp, 6 instructions.
* `widened`, bfloat16 to float32: the same bits and zeros after them. Of two numbers in a register, PTX's conversion
  takes one instruction for the lower and two for the upper; shifts and masks take one for each.

The polynomials are minimax fits of relative errors by Lawson's algorithm (C. L. Lawson, 1961), with coefficients
rounded to float32 one after another, each time followed by a fit of the others.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ELEMENTARY",
    "ELEMENTARY_FUNCTIONS",
    "ELEMENTARY_OPERATORS",
    "ROUGH_OPERATORS",
    "WIDENED",
]

ELEMENTARY: Mapping[str, str] = MappingProxyType(
    {"log": "natural_logarithm", "sigmoid": "logistic", "tanh": "hyperbolic_tangent"}
)
"""The function for an op of TorchInductor's, by the op's name."""
ELEMENTARY_OPERATORS: Mapping[str, str] = MappingProxyType({"silu": "self_gated"})
"""The function for a whole operator of one tile, by its name without the overload."""
ROUGH_OPERATORS: Mapping[str, str] = MappingProxyType({"silu": "roughly_self_gated"})
"""The function for one whose last digits nobody sees."""
WIDENED = "widened"
"""The function that makes float32 of bfloat16."""

ELEMENTARY_FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "natural_logarithm": """(x):
    tiny = x < 1.1754943508222875e-38
    scaled = tl.where(tiny, x * 16777216.0, x)
    # The lowest bits of a sum with 1.5 * 2**23 are an integer: the nearest to -log2(scaled).
    shifted = 12582912.0 - libdevice.fast_log2f(scaled)
    exponent = 12582912.0 - shifted
    exponent = tl.where(tiny, exponent - 24.0, exponent)
    bits = (shifted.to(tl.int32, bitcast=True) << 23) + scaled.to(tl.int32, bitcast=True)
    f = bits.to(tl.float32, bitcast=True) - 1.0
    # The first coefficient is positive, so that the polynomial is infinite at infinity.
    p = tl.fma(f, 0.0674915537238121, -0.11670009046792984)
    p = tl.fma(p, f, 0.11883540451526642)
    p = tl.fma(p, f, -0.12406241148710251)
    p = tl.fma(p, f, 0.14220359921455383)
    p = tl.fma(p, f, -0.16667988896369934)
    p = tl.fma(p, f, 0.2000207155942917)
    p = tl.fma(p, f, -0.25000008940696716)
    p = tl.fma(p, f, 0.3333331346511841)
    p = tl.fma(p, f, -0.5)
    return tl.fma(exponent, 0.6931471805599453, tl.fma(f * p, f, f))""",
        "hyperbolic_tangent": """(x):
    size = tl.abs(x)
    reciprocal = libdevice.fast_dividef(1.0, libdevice.exp2(size * 2.8853900817779268) + 1.0)
    far = libdevice.copysign(tl.fma(reciprocal, -2.0, 1.0), x)
    square = x * x
    p = tl.fma(square, -0.005897966679185629, 0.02079862542450428)
    p = tl.fma(p, square, -0.05378471687436104)
    p = tl.fma(p, square, 0.13331936299800873)
    p = tl.fma(p, square, -0.33333298563957214)
    return tl.where(size < 0.6, tl.fma(p * square, x, x), far)""",
        "logistic": """(x):
    quarter = tl.fma(libdevice.exp2(x * -1.4426950408889634), 0.25, 0.25)
    return libdevice.fast_dividef(1.0, quarter) * 0.25""",
        "self_gated": """(x):
    exponent = x * -1.4426950408889634
    # log(2) in two parts, so that the product with the first is exact enough.
    rest = tl.fma(exponent, 1.42860682030941723212e-6, tl.fma(exponent, 0.693145751953125, x))
    # Where the exponent is infinite, the factor does not matter, but must not be infinite or no number in a product
    # with zero: a minimum of floats leaves out what is no number.
    factor = tl.minimum(tl.fma(rest, -0.25, 0.25), 0.5)
    quarter = tl.fma(libdevice.exp2(exponent), factor, 0.25)
    return (x * 0.25) * libdevice.fast_dividef(1.0, quarter)""",
        "roughly_self_gated": """(x):
    quarter = tl.fma(libdevice.exp2(x * -1.4426950408889634), 0.25, 0.25)
    return (x * 0.25) * libdevice.fast_dividef(1.0, quarter)""",
        WIDENED: """(x):
    return (x.to(tl.uint16, bitcast=True).to(tl.uint32) << 16).to(tl.float32, bitcast=True)""",
    }
)
"""Parameters and body of each function, as in `emission.functions`. Those that compute need `libdevice`."""
