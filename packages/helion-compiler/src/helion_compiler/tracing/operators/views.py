"""Views: permutations, and dimensions inserted, removed, expanded, split and merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion import exc
from helion_compiler.program.ops import Broadcast, Permute, Squeeze, Unsqueeze
from helion_compiler.torch_bridge.modes import without_modes
from helion_compiler.torch_bridge.symbolic import is_fake
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.operators.dims import dims_of, place_of
from helion_compiler.tracing.operators.regrouping import regroup
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from helion_compiler.tracing.state import Trace


@rule_for("permute")
def permute(
    trace: Trace, _operator: Any, operand: torch.Tensor, dims: Sequence[int]
) -> torch.Tensor:
    """Reorder dimensions."""
    order = tuple(dims_of(operand, dims)) if operand.ndim else ()
    if len(order) != operand.ndim or len(set(order)) != len(order):
        raise exc.ShapeMismatch(
            span=here(),
            operation="torch.permute",
            reason=f"{list(dims)} does not name each of {operand.ndim} dimensions once",
        )
    if order == tuple(range(operand.ndim)):
        return operand
    sizes = trace.sizes_of(operand)
    result = trace.fake(tuple(sizes[dim] for dim in order), operand.dtype)
    value = trace.value_of(operand)
    trace.body.append(
        Permute(
            result=trace.new_value(result, "permute"),
            operand=value,
            order=order,
            location=location(),
        )
    )
    return result


@rule_for("transpose")
def transpose(
    trace: Trace, operator: Any, operand: torch.Tensor, first: int, second: int
) -> torch.Tensor:
    """Swap two dimensions."""
    order = list(range(operand.ndim))
    if not order:
        return operand
    first, second = dims_of(operand, [first, second])
    order[first], order[second] = order[second], order[first]
    return permute(trace, operator, operand, order)


@rule_for("t")
def t(trace: Trace, operator: Any, operand: torch.Tensor) -> torch.Tensor:
    """Swap the two dimensions of a matrix."""
    return operand if operand.ndim < 2 else permute(trace, operator, operand, (1, 0))


@rule_for("unsqueeze")
def unsqueeze(trace: Trace, _operator: Any, operand: torch.Tensor, dim: int) -> torch.Tensor:
    """Insert a dimension of size 1."""
    dim = place_of(operand, dim)
    sizes = list(trace.sizes_of(operand))
    sizes.insert(dim, 1)
    result = trace.fake(tuple(sizes), operand.dtype)
    value = trace.value_of(operand)
    trace.body.append(
        Unsqueeze(
            result=trace.new_value(result, "unsqueeze"), operand=value, dim=dim, location=location()
        )
    )
    return result


@rule_for("squeeze")
def squeeze(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    dim: int | Sequence[int] | None = None,
) -> torch.Tensor:
    """Remove dimensions of size 1."""
    sizes = trace.sizes_of(operand)
    names_none = not isinstance(dim, int | type(None)) and not dim
    named = [] if names_none else dims_of(operand, dim)
    for position in sorted(named, reverse=True):
        if sizes[position] == 1:
            operand = _squeeze_one(trace, operand, position)
    return operand


def _squeeze_one(trace: Trace, operand: torch.Tensor, dim: int) -> torch.Tensor:
    sizes = list(trace.sizes_of(operand))
    del sizes[dim]
    result = trace.fake(tuple(sizes), operand.dtype)
    value = trace.value_of(operand)
    trace.body.append(
        Squeeze(
            result=trace.new_value(result, "squeeze"), operand=value, dim=dim, location=location()
        )
    )
    return result


@rule_for("expand")
def expand(
    trace: Trace,
    operator: Any,
    operand: torch.Tensor,
    sizes: Sequence[Any],
    *,
    implicit: bool = False,  # noqa: ARG001  # ATen's own parameter, without meaning here
) -> torch.Tensor:
    """Broadcast to a larger shape."""
    with trace.fake_mode:
        expanded = operator(operand, sizes)
    target = trace.sizes_of(expanded)
    while operand.ndim < len(target):
        operand = unsqueeze(trace, operator, operand, 0)
    if trace.sizes_of(operand) == target:
        return operand
    result = trace.fake(target, operand.dtype)
    value = trace.value_of(operand)
    trace.body.append(
        Broadcast(result=trace.new_value(result, "expand"), operand=value, location=location())
    )
    return result


@rule_for("view", "reshape", "_unsafe_view", "_reshape_alias")
def view(
    trace: Trace, operator: Any, operand: torch.Tensor, sizes: Sequence[Any], *_: Any
) -> torch.Tensor:
    """Dimensions of size 1 come and go; others are split and merged where lanes allow."""
    with trace.fake_mode:
        target = trace.sizes_of(operand.reshape(sizes))
    source = trace.sizes_of(operand)
    if 0 in source:
        return fill_tile(trace, target, 0, operand.dtype)
    for dim in reversed(range(len(source))):
        if source[dim] == 1:
            operand = _squeeze_one(trace, operand, dim)
    kept = tuple(size for size in target if size != 1)
    if trace.sizes_of(operand) != kept:
        operand = regroup(trace, operand, kept)
    for dim, size in enumerate(target):
        if size == 1:
            operand = unsqueeze(trace, operator, operand, dim)
    return operand


@rule_for("clone", "lift_fresh_copy")
def copy(trace: Trace, _operator: Any, operand: torch.Tensor, **_: Any) -> torch.Tensor:
    """The same value in a tensor of its own, which may change in place while the original stays."""
    operand = lift(trace, _operator, operand)
    result = trace.fake(trace.sizes_of(operand), operand.dtype)
    trace.add_value(result, trace.value_of(operand))
    return result


@rule_for("lift_fresh")
def lift(trace: Trace, _operator: Any, operand: torch.Tensor) -> torch.Tensor:
    """``torch.tensor(number)``, which torch and its decompositions write in device code."""
    if trace.is_value(operand) or is_fake(operand) or operand.numel() != 1:
        return same(trace, _operator, operand)
    with without_modes():
        number = operand.item()
    return fill_tile(trace, trace.sizes_of(operand), number, operand.dtype)


@rule_for("alias", "detach", "contiguous")
def same(trace: Trace, _operator: Any, operand: torch.Tensor, **_: Any) -> torch.Tensor:
    """A tile is a value: aliases are the tile itself."""
    trace.value_of(operand)
    return operand
