"""Pointwise operators as Triton text, by TorchInductor's lowerings and Triton op handlers.

In: one ATen call on tiles. Out: a `PointwiseTemplate`. What TorchInductor writes for the usual operators is known
without it (`usual_operators`); for any other it is loaded.

Semantics are those of torch in eager mode, operator by operator: types promote as in torch;
bfloat16 and float16 are computed in float32 and the result is rounded once. Composite operators are
decomposed by TorchInductor's table and inlined, so one template can hold several steps.
"""

from __future__ import annotations

import functools
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs
import torch
from torch.utils._pytree import tree_leaves

from helion_compiler.torch_bridge.bitcast import bitcast_template
from helion_compiler.torch_bridge.elementary_operators import elementary_operator
from helion_compiler.torch_bridge.loading import load_inductor
from helion_compiler.torch_bridge.operands import (
    NotPointwise,
    PointwiseTemplate,
    ScalarOperand,
    TensorOperand,
)
from helion_compiler.torch_bridge.usual_operators import usual_template

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "IMPORTS",
    "NotPointwise",
    "PointwiseTemplate",
    "ScalarOperand",
    "TensorOperand",
    "lower_pointwise",
]

IMPORTS: Mapping[str, str] = MappingProxyType(
    {
        "libdevice": "from triton.language.extra import libdevice",
        "tl_math": "from triton.language import math as tl_math",
        "triton_helpers": "from torch._inductor.runtime import triton_helpers",
    }
)
"""The import that supplies a name of `PointwiseTemplate.uses` to generated source."""

_CONSTANTS = (bool, int, float, str, torch.dtype, torch.device, torch.layout, torch.memory_format)
_ARGUMENTS = (TensorOperand, ScalarOperand, type(None), *_CONSTANTS)


def lower_pointwise(
    operator: torch._ops.OpOverload,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    result_dtype: torch.dtype,
    device_kind: str = "cuda",
    *,
    approximated: frozenset[str] = frozenset(),
    elementary: bool = False,
) -> PointwiseTemplate:
    """Turn one ATen call into Triton text.

    Args:
        operator: The operator, with its overload.
        args: Positional arguments: a `TensorOperand` for each tile, a `ScalarOperand` for each
            number known only at run time, anything else as it is. Lists may hold operands.
        kwargs: Keyword arguments, likewise.
        result_dtype: The element type to convert the result to; normally the one torch gives it.
        device_kind: The device type for which TorchInductor lowers. None needs to be present.
        approximated: TorchInductor's ops that may be computed by what `approximations` has for float32, and operators
            by what `elementary` has for rough results.
        elementary: Whether the text may call the functions of `elementary`, which are for NVIDIA's GPUs.

    Returns:
        The text; operands are numbered in order of appearance, positional arguments first.

    Raises:
        NotPointwise: The call reduces, draws random numbers, writes to its arguments, depends on
            positions, or has no Triton text in TorchInductor.
        TypeError: An argument is something else than an operand or a constant.
    """
    call = _call(operator, args, kwargs, result_dtype, device_kind)
    return _lowered(attrs.evolve(call, approximated=approximated, elementary=elementary))


@attrs.frozen
class _Call:
    """A call as a cache key: arguments compare as `key`, in which 1, 1.0 and True differ."""

    operator: torch._ops.OpOverload
    args: tuple[Any, ...] = attrs.field(eq=False)
    kwargs: Mapping[str, Any] = attrs.field(eq=False)
    key: str
    result_dtype: torch.dtype
    device_kind: str
    approximated: frozenset[str] = frozenset()
    elementary: bool = False


def _call(
    operator: torch._ops.OpOverload,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    result_dtype: torch.dtype,
    device_kind: str,
) -> _Call:
    for leaf in tree_leaves((args, dict(kwargs))):
        if not isinstance(leaf, _ARGUMENTS):
            raise TypeError(
                f"{operator} got an argument of type {type(leaf).__name__}; give tiles as "
                "TensorOperand, numbers known only at run time as ScalarOperand"
            )
        if isinstance(leaf, TensorOperand) and leaf.dtype.is_complex:
            raise NotPointwise(operator, f"Triton has no {leaf.dtype}")
    key = repr((args, sorted(kwargs.items())))  # each kind of argument has a telling repr
    return _Call(operator, args, kwargs, key, result_dtype, device_kind)


@functools.lru_cache(maxsize=4096)
def _lowered(call: _Call) -> PointwiseTemplate:
    if call.operator is torch.ops.aten.view.dtype:
        return bitcast_template(call.operator, call.args, call.result_dtype)
    return _known(call) or _by_inductor(call)


def _known(call: _Call) -> PointwiseTemplate | None:
    """The text that takes no TorchInductor."""
    if call.elementary:
        own = elementary_operator(
            call.operator, call.args, call.kwargs, call.result_dtype, call.approximated
        )
        if own is not None:
            return own
    if call.device_kind != "cuda":
        return None
    return usual_template(
        call.operator,
        call.args,
        call.kwargs,
        call.result_dtype,
        approximated=call.approximated,
        elementary=call.elementary,
    )


def _by_inductor(call: _Call) -> PointwiseTemplate:
    load_inductor()
    from helion_compiler.torch_bridge.inductor import inductor_template  # for the reason there

    return inductor_template(
        call.operator,
        call.args,
        call.kwargs,
        call.result_dtype,
        torch.device(call.device_kind),
        approximated=call.approximated,
        elementary=call.elementary,
    )
