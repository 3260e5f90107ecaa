"""The approximation of GELU by a hyperbolic tangent, without the tangent.

    0.5 x (1 + tanh(u))  =  x / (1 + exp(-2u)),    u = sqrt(2 / pi) (x + 0.044715 x**3)

for every u, but the left side takes a tangent near -1 from 1: below x = -4 the float32 of eager mode, and of
TorchInductor's decomposition, has few right digits, and below -5.5 none. The right side keeps them, in a third of the
instructions. In: the arguments of the operator. Out: ordinary operators, to trace.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch._decomp import decomposition_table as torch_decompositions
from torch._prims_common import get_computation_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CUBIC", "GELU", "SLOPE"]

aten = torch.ops.aten

SLOPE = 2.0 * math.sqrt(2.0 / math.pi)
CUBIC = 0.044715


def _gelu(x: torch.Tensor, *, approximate: str = "none") -> Any:
    """A decomposition of `gelu`; without the approximation it is torch's."""
    if approximate != "tanh":
        return torch_decompositions[aten.gelu.default](x, approximate=approximate)
    wide = x.to(get_computation_dtype(x.dtype))
    twice = wide * (SLOPE + SLOPE * CUBIC * (wide * wide))
    return (wide * torch.sigmoid(twice)).to(x.dtype)


GELU: Mapping[torch._ops.OpOverload, Callable[..., Any]] = MappingProxyType(
    {aten.gelu.default: _gelu}
)
"""Decompositions of GELU."""
