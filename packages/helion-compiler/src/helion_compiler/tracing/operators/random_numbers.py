"""torch's own random numbers in tile loops: from a seed that the host draws on every call, element by element.

Their distributions are torch's, their bits are not. Small floats have as many random bits as they hold, so that
none is rounded up to 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.location import here
from helion_compiler.tracing.operators.draws import draw, integers
from helion_compiler.tracing.random_offsets import offsets_of_sizes
from helion_compiler.tracing.rules import rule_for
from helion_compiler.tracing.seeds import next_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.program.types import Size
    from helion_compiler.tracing.state import Trace

_BITS = {torch.float16: 11, torch.bfloat16: 8}
_WORD = 1 << 32


def _uniform(trace: Trace, sizes: Sequence[Size], dtype: torch.dtype) -> torch.Tensor:
    (drawn,) = draw(trace, "uniform", next_seed(trace), offsets_of_sizes(trace, sizes))
    bits = _BITS.get(dtype)
    if bits is not None:
        drawn = torch.floor(drawn * float(1 << bits)) / float(1 << bits)
    return drawn.to(dtype)


def _normal(trace: Trace, sizes: Sequence[Size], dtype: torch.dtype) -> torch.Tensor:
    (drawn,) = draw(trace, "normal", next_seed(trace), offsets_of_sizes(trace, sizes))
    return drawn.to(dtype)


_DRAWS = {"rand": _uniform, "randn": _normal}


@rule_for("rand", "randn")
def of_sizes(
    trace: Trace, operator: Any, sizes: Sequence[Any], *, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """``torch.rand`` and ``torch.randn``."""
    draws = _DRAWS[operator._schema.name.removeprefix("aten::")]
    with trace.listening():
        expressions = [trace.symbols.expression(size) for size in sizes]
        return draws(trace, expressions, dtype or torch.get_default_dtype())


@rule_for("rand_like", "randn_like")
def like(
    trace: Trace, operator: Any, operand: torch.Tensor, *, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """``torch.rand_like`` and ``torch.randn_like``."""
    draws = _DRAWS[operator._schema.name.removeprefix("aten::").removesuffix("_like")]
    with trace.listening():
        return draws(trace, trace.sizes_of(operand), dtype or operand.dtype)


@rule_for("randint", "randint_like")
def integers_between(
    trace: Trace, operator: Any, *args: Any, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """``torch.randint`` and ``torch.randint_like``, which take ``low`` or not."""
    if operator._schema.name == "aten::randint":
        *bounds, shape = args
        sizes = tuple(trace.symbols.expression(size) for size in shape)
        result = dtype or torch.int64
    else:
        operand, *bounds = args
        sizes, result = trace.sizes_of(operand), dtype or operand.dtype
    low, high = bounds if len(bounds) == 2 else (0, bounds[0])
    if isinstance(low, int) and isinstance(high, int) and high - low > _WORD:
        raise exc.UnsupportedOperator(
            span=here(), operator="torch.randint", reason="the range has more than 2**32 integers"
        )
    with trace.listening():
        drawn = integers(trace, low, high, next_seed(trace), offsets_of_sizes(trace, sizes))
        return drawn.to(result)


@rule_for("bernoulli")
def bernoulli(
    trace: Trace, _operator: Any, operand: torch.Tensor, p: Any = None, **_: Any
) -> torch.Tensor:
    """``torch.bernoulli``: 1 with the probability that each element is, or with ``p``."""
    with trace.listening():
        drawn = _uniform(trace, trace.sizes_of(operand), torch.float32)
        return (drawn < (operand if p is None else p)).to(operand.dtype)


@rule_for("uniform")
def uniform(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    low: float = 0.0,
    high: float = 1.0,
    **_: Any,
) -> torch.Tensor:
    """``Tensor.uniform_``."""
    with trace.listening():
        drawn = _uniform(trace, trace.sizes_of(operand), operand.dtype)
        return drawn * (high - low) + low


@rule_for("normal_functional")
def normal(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    **_: Any,
) -> torch.Tensor:
    """``Tensor.normal_``."""
    with trace.listening():
        drawn = _normal(trace, trace.sizes_of(operand), torch.float32)
        return (drawn * std + mean).to(operand.dtype)


@rule_for("native_dropout")
def native_dropout(
    trace: Trace, _operator: Any, operand: torch.Tensor, p: float, train: bool | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Dropout, and the mask of what it keeps."""
    with trace.listening():
        if train is False:
            return operand.clone(), torch.ones_like(operand, dtype=torch.bool)
        kept = _uniform(trace, trace.sizes_of(operand), torch.float32) >= p
        scale = 0.0 if p == 1 else 1 / (1 - p)
        return torch.where(kept, operand * scale, torch.zeros_like(operand)), kept


@rule_for("dropout")
def dropout(
    trace: Trace, operator: Any, operand: torch.Tensor, p: float, train: bool
) -> torch.Tensor:
    """``torch.nn.functional.dropout``."""
    return native_dropout(trace, operator, operand, p, train)[0]


@rule_for("randperm")
def randperm(_trace: Trace, _operator: Any, *_: Any, **__: Any) -> torch.Tensor:
    """Refused."""
    raise exc.UnsupportedOperator(
        span=here(),
        operator="torch.randperm",
        reason="no program knows what the others draw: permute before the tile loop",
    )
