"""Operators that change a tile in place: a Program has none, so the tensor stands for a new value afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.location import here

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.tracing.state import Trace


def record_in_place(
    trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> torch.Tensor:
    """``target.add_(other)`` and its like: the functional operator, then a cast to the target's dtype."""
    target: torch.Tensor = args[0]
    trace.value_of(target)
    renames = torch.Tag.inplace_view in operator.tags
    if not renames and trace.is_view(target):
        raise exc.StatementNotSupported(
            span=here(),
            statement="changing a view of a tile in place",
            remedy="assign a new tile: `view = view + value`; what it is a view of stays as it is",
        )
    if trace.depth_of(target) != trace.body.depth:
        raise exc.StatementNotSupported(
            span=here(),
            statement="changing a tile in place that was made outside of this loop",
            remedy="assign it, so that the loop carries it: `acc = acc + value`, or `acc += value`",
        )
    if renames:
        return _arrange_anew(trace, operator, args, kwargs)
    with trace.listening():
        result = _functional(operator, args, kwargs)
        if not torch.can_cast(result.dtype, target.dtype):
            raise exc.UnsupportedOperator(
                span=here(),
                operator=_name(operator),
                reason=f"its result is {result.dtype}, and the tile that it changes {target.dtype}",
            )
        result = result.to(target.dtype)
        if trace.sizes_of(result) != trace.sizes_of(target):
            result = _expand(trace, result, target, operator)
    trace.add_value(target, trace.value_of(result))
    return target


def _arrange_anew(
    trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> torch.Tensor:
    """``target.squeeze_(0)`` and its like: other dimensions of the same lanes."""
    target: torch.Tensor = args[0]
    with trace.listening():
        result = _functional(operator, args, kwargs)
    with trace.fake_mode:
        operator(*args, **kwargs)
    trace.rearranged(target)
    trace.add_value(target, trace.value_of(result))
    return target


def _functional(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    name = _name(operator)
    if name == "copy_":
        source: torch.Tensor = args[1]
        return source.to(args[0].dtype)
    if name == "zero_":
        return torch.zeros_like(args[0])
    if name == "fill_" and not isinstance(args[1], torch.Tensor):
        return torch.full_like(args[0], args[1])
    packet = getattr(torch.ops.aten, name.removesuffix("_"), None)
    overload = _RENAMED.get(operator, getattr(packet, operator._overloadname, None))
    if overload is None or not name.endswith("_"):
        raise exc.UnsupportedOperator(
            span=here(),
            operator=name,
            reason="it writes into a tensor, and has no form that does not",
        )
    result: torch.Tensor = overload(*args, **kwargs)
    return result


def _bernoulli(operand: torch.Tensor, p: float = 0.5) -> torch.Tensor:
    result: torch.Tensor = torch.ops.aten.bernoulli.p(operand, p)
    return result


_RENAMED: dict[Any, Callable[..., torch.Tensor]] = {
    torch.ops.aten.bernoulli_.float: _bernoulli,
    torch.ops.aten.normal_.default: torch.ops.aten.normal_functional.default,
}
"""Functional operators that are not called as those that write are."""


def _expand(
    trace: Trace, result: torch.Tensor, target: torch.Tensor, operator: Any
) -> torch.Tensor:
    try:
        return result.expand(target.shape)
    except RuntimeError as error:
        raise exc.ShapeMismatch(
            span=here(),
            operation=_name(operator),
            reason=f"{trace.describe(result)} does not fit {trace.describe(target)}",
        ) from error


def _name(operator: Any) -> str:
    name: str = operator._schema.name
    return name.removeprefix("aten::")
