"""What a pointwise operator gives, where that can be told without asking the fake mode, which takes far longer.

In: one call of an operator that works lane by lane. Out: a fake tensor of the result's shape and dtype, or None where
torch has to be asked. Its dtype is that of the same call with one lane. Its shape is that of the operands, where each
dimension has one size besides 1. And its lanes lie in row-major order if those of every operand do.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.torch_bridge.modes import without_modes
from helion_compiler.torch_bridge.usual_operators import usual_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.program.types import Size
    from helion_compiler.tracing.state import Trace

_PLAIN = (bool, int, float, str, torch.dtype, type(None))
_OPEN = (torch.SymInt, torch.SymFloat)


def lane_result(
    trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> torch.Tensor | None:
    """The fake result of a pointwise operator; None where torch has to say, or to refuse."""
    if torch.Tag.pointwise not in operator.tags or operator._schema.returns[0].alias_info:
        return None
    tensors = [argument for argument in args if isinstance(argument, torch.Tensor)]
    others = [argument for argument in args if not isinstance(argument, torch.Tensor)]
    if not all(isinstance(other, _PLAIN + _OPEN) for other in (*others, *kwargs.values())):
        return None
    if not tensors or not all(map(trace.is_dense, tensors)):
        return None
    sizes = _broadcast([trace.sizes_of(tensor) for tensor in tensors])
    if sizes is None:
        return None
    dtype = _dtype(operator, args, kwargs)
    return None if dtype is None else trace.fake(sizes, dtype)


def _broadcast(shapes: Sequence[tuple[Size, ...]]) -> tuple[Size, ...] | None:
    """The shape of the result; None where two sizes would have to be compared."""
    rank = max(map(len, shapes))
    found: list[Size] = [1] * rank
    for shape in shapes:
        for dim, size in enumerate(shape, start=rank - len(shape)):
            if found[dim] == 1:
                found[dim] = size
            elif size not in (1, found[dim]):
                return None
    return tuple(found)


def _dtype(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.dtype | None:
    with without_modes():
        stand_ins = [_one_lane(a.dtype, a.ndim) if isinstance(a, torch.Tensor) else a for a in args]
        usual = usual_dtype(operator, stand_ins, kwargs)
        if usual is not None or any(isinstance(a, _OPEN) for a in (*args, *kwargs.values())):
            return usual
        try:
            result = operator(*stand_ins, **kwargs)
        except (RuntimeError, TypeError, ValueError, IndexError):
            return None
    dtype: torch.dtype = result.dtype
    return dtype


@functools.lru_cache(maxsize=128)
def _one_lane(dtype: torch.dtype, rank: int) -> torch.Tensor:
    """A tensor without memory. Rank 0 is a kind of its own: it leaves the dtype to others."""
    return torch.empty((1,) * rank, dtype=dtype, device="meta")
