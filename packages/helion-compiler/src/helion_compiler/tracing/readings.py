"""Numbers that the host reads from tensors: ``t.item()``, ``int(t)``, ``bool(t)``.

A number read before the launch from what the arguments alone decide can be told ahead: the plan so
far is carried out on the tensors of the call that is being traced. What Python asks of such a number
becomes a guard, checked on each call once the number is read. Any other number may be computed with
and returned, but not asked about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch

from helion import exc
from helion_compiler.torch_bridge.modes import without_modes
from helion_compiler.torch_bridge.symbolic import is_fake
from helion_compiler.tracing.location import here
from helion_runtime.entries import VariantEntry
from helion_runtime.execution import read_ahead
from helion_runtime.plan import ArgumentMetadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.tracing.plan import PlanBuilder
    from helion_compiler.tracing.state import Trace


def read_element(trace: Trace, tensor: torch.Tensor) -> Any:
    """The one element of a tensor of the host, as Python may use it: a number, or a symbol for one."""
    buffer = trace.buffer_of(tensor)
    if buffer is None:
        raise exc.CannotReadDeviceVariableOnHost(span=here(), name="a tile")
    kind = _kind(tensor.dtype)
    pure = trace.plan.can_be_told
    source = trace.plan.read(buffer, kind, again=pure)
    can_tell = pure and not any(map(_is_fake, trace.leaves))
    value = _told(trace.plan, trace.leaves) if can_tell else None
    if value is None:
        return trace.symbols.unknown_item(source, kind)
    if isinstance(value, bool):
        trace.plan.guard.append(["eq", source, value])
        return value
    if value != value:  # noqa: PLR0124  # a NaN, which equals nothing
        trace.plan.guard.append(["ne", source, source])
        return value
    return trace.symbols.item(source, value)


def _is_fake(leaf: object) -> bool:
    """Whether a leaf of a call is a tensor without elements to read."""
    return isinstance(leaf, torch.Tensor) and is_fake(leaf)


def _kind(dtype: torch.dtype) -> Literal["int", "float", "bool"]:
    if dtype.is_complex:
        raise exc.StatementNotSupported(
            span=here(),
            statement="a complex element as a Python number",
            remedy="read its parts: `t.real.item()` and `t.imag.item()`",
        )
    if dtype is torch.bool:
        return "bool"
    return "float" if dtype.is_floating_point else "int"


def _told(plan: PlanBuilder, leaves: Sequence[Any]) -> int | float | bool:
    """The number that the last step of the plan reads, for the call that is being traced."""
    variant = VariantEntry(
        signature=plan.signature,
        guard=(),
        aligned=(),
        steps=tuple(plan.steps),
        launches=(),
        outputs=["none"],
    )
    device = next(leaf.device for leaf in leaves if isinstance(leaf, torch.Tensor))
    with without_modes():
        items = read_ahead(variant, ArgumentMetadata(leaves, _no_launch), device)
    return items[max(items)]


def _no_launch() -> int:
    raise AssertionError("host code does not know multiprocessors")
