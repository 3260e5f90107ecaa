"""What `fast_math` writes for float32 in place of TorchInductor's text: instructions that approximate.

Every target of Triton understands the texts. Errors are those of NVIDIA's instructions, to which numbers below
2**-126 may be zero, an ulp being a unit in the last place of a float32:

* `exp` is `ex2.approx` of a rounded product: at most 2 + |1.173 x| ulp, like `__expf` (CUDA C++ Programming
  Guide, "Intrinsic Functions"); `exp2` at most 2 ulp.
* `sqrt` is `sqrt.approx`: at most 1 ulp.
* `truediv` is `div.approx`: at most 2 ulp where 2**-126 <= |y| <= 2**126; zero beyond, or NaN where x is infinite.
* `tanh` as 2 / (1 + exp2(c x)) - 1: at most 2**-21 off, so near zero, where tanh(x) is about x, without relative
  accuracy.

Reciprocals of square roots are `rsqrt.approx` without it, too, and quotients then are 2 ulp off at most for every y.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["APPROXIMATIONS"]

APPROXIMATIONS: Mapping[str, str] = MappingProxyType(
    {
        "exp": "tl.exp2({0} * 1.4426950408889634)",
        "exp2": "tl.exp2({0})",
        "sqrt": "tl_math.sqrt({0})",
        "tanh": "(libdevice.fast_dividef(2.0, 1.0 + libdevice.exp2({0} * -2.8853900817779268)) - 1.0)",
        "truediv": "libdevice.fast_dividef({0}, {1})",
    }
)
"""A format string of the operands, by the name of TorchInductor's op."""
