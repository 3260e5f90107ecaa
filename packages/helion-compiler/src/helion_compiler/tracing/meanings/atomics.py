"""Atomic operations on host tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.ops import Atomic
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.meanings.registry import TABLE, meaning, need_device
from helion_compiler.tracing.subscripts import selected, stored_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.program.ops import AtomicKind, MemoryOrder
    from helion_compiler.tracing.state import Trace

_ORDERS = ("relaxed", "acquire", "release", "acq_rel")


def _record(
    trace: Trace,
    kind: AtomicKind,
    target: torch.Tensor,
    index: Any,
    value: Any,
    sem: MemoryOrder,
    expected: Any = None,
) -> torch.Tensor:
    need_device(trace, f"atomic_{kind}")
    if sem not in _ORDERS:
        raise exc.InvalidAPIUsage(
            span=here(),
            function=f"atomic_{kind}",
            problem=f"there is no memory order {sem!r}",
            remedy=f"sem is one of {', '.join(_ORDERS)}",
        )
    if isinstance(target, torch.Tensor) and trace.is_value(target):
        raise exc.AtomicOnDeviceTensor(span=here(), function=f"atomic_{kind}")
    dtype = target.dtype
    if kind in ("and", "or", "xor") and dtype.is_floating_point:
        raise exc.InvalidAPIUsage(
            span=here(),
            function=f"atomic_{kind}",
            problem=f"the target holds {dtype}, which has no bits to combine",
            remedy="use a target of integers",
        )
    buffer, selection = selected(trace, target, tuple(index))
    shape = selection.written_shape
    stored = stored_value(trace, value, buffer, shape)
    compared = None if expected is None else stored_value(trace, expected, buffer, shape)
    for position in reversed(selection.new_axes):
        stored = stored.squeeze(position)
        compared = None if compared is None else compared.squeeze(position)
    result = trace.fake(selection.shape, buffer.dtype)
    trace.body.append(
        Atomic(
            result=trace.new_value(result, f"{buffer.name}_before"),
            buffer=buffer,
            subscripts=selection.subscripts,
            addresses=selection.addresses,
            kind=kind,
            value=trace.value_of(stored),
            expected=None if compared is None else trace.value_of(compared),
            order=sem,
            name=trace.body.unique(f"{buffer.name}@atomic"),
            location=location(),
        )
    )
    for position in selection.new_axes:
        result = result.unsqueeze(position)
    return result


def _of(kind: AtomicKind) -> Callable[..., torch.Tensor]:
    def meaning_(
        trace: Trace, target: torch.Tensor, index: Any, value: Any, sem: MemoryOrder = "relaxed"
    ) -> torch.Tensor:
        return _record(trace, kind, target, index, value, sem)

    return meaning_


_KINDS: tuple[AtomicKind, ...] = ("add", "and", "or", "xor", "min", "max", "xchg")
TABLE.update({f"atomic_{kind}": _of(kind) for kind in _KINDS})


@meaning
def atomic_cas(
    trace: Trace,
    target: torch.Tensor,
    index: Any,
    expected: Any,
    value: Any,
    sem: MemoryOrder = "relaxed",
) -> torch.Tensor:
    """``hl.atomic_cas``."""
    return _record(trace, "cas", target, index, value, sem, expected)
