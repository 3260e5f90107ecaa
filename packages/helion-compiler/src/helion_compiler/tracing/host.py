"""Write host code down as a plan: what each ATen call of the host allocates or views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.location import here
from helion_compiler.tracing.tiles import DeviceOnly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion.exc import Span
    from helion_compiler.tracing.state import Trace
    from helion_runtime.entries import OutputTree

_FILLS: dict[str, float | None] = {
    "aten::empty": None,
    "aten::empty_like": None,
    "aten::empty_strided": None,
    "aten::new_empty": None,
    "aten::new_empty_strided": None,
    "aten::zeros": 0,
    "aten::zeros_like": 0,
    "aten::new_zeros": 0,
    "aten::ones": 1,
    "aten::ones_like": 1,
    "aten::new_ones": 1,
}
_FILL_ARGUMENT = {"aten::full": 1, "aten::full_like": 1, "aten::new_full": 2}


def record_host(trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run one ATen call of the host on fakes, and write it down."""
    name = operator._schema.name
    _refuse_data(name, mutable=operator._schema.is_mutable)
    with trace.fake_mode:
        result = operator(*args, **kwargs)
    if isinstance(result, list | tuple):
        for part in result:
            if isinstance(part, torch.Tensor):
                _view_or_refuse(trace, name, part, args)
    elif not isinstance(result, torch.Tensor):
        return result
    elif name in _FILLS:
        _allocate(trace, result, _FILLS[name])
    elif name in _FILL_ARGUMENT:
        _allocate(trace, result, args[_FILL_ARGUMENT[name]])
    elif trace.buffer_of(result) is None:
        _view_or_refuse(trace, name, result, args)
    return result


def name_buffers(trace: Trace, scope: Mapping[str, Any]) -> None:
    """Call allocations by the variables that hold them."""
    for name, tensor in scope.items():
        buffer = trace.buffer_of(tensor) if isinstance(tensor, torch.Tensor) else None
        if buffer is not None:
            trace.add_buffer(tensor, trace.plan.rename(buffer, name))


def host_outputs(trace: Trace, returned: Any, span: Span | None) -> OutputTree:
    """The structure of what the kernel returns at ``span``."""
    match returned:
        case None:
            return ["none"]
        case torch.Tensor():
            buffer = trace.buffer_of(returned)
            if buffer is None:
                raise exc.CannotReadDeviceVariableOnHost(span=span, name="the returned tensor")
            return ["buffer", buffer.number]
        case bool() | int() | float() | torch.SymInt():
            return ["value", trace.plan.runtime(trace.symbols.expression(returned))]
        case tuple() | list():
            kind = "tuple" if isinstance(returned, tuple) else "list"
            return [kind, [host_outputs(trace, item, span) for item in returned]]
        case _:
            if isinstance(returned, DeviceOnly):
                returned.refuse(span)
            raise exc.TracedArgNotSupported(
                parameter="return", type=type(returned).__name__, span=span
            )


def _allocate(trace: Trace, tensor: torch.Tensor, fill: Any) -> None:
    if tensor.device.type != trace.torch_device.type:
        raise exc.WrongDevice(
            span=here(),
            parameter="the allocation",
            found=str(tensor.device),
            other="the first argument",
            expected=str(trace.torch_device),
        )
    if isinstance(fill, torch.SymInt | torch.SymFloat):
        raise exc.UnsupportedOperator(
            span=here(), operator="torch.full", reason="its fill value must be a constant here"
        )
    trace.add_buffer(tensor, trace.plan.allocation(tensor, fill))


def _view_or_refuse(
    trace: Trace, operator: str, tensor: torch.Tensor, args: tuple[Any, ...]
) -> None:
    storage = tensor.untyped_storage()._cdata
    bases = [
        argument
        for argument in args
        if isinstance(argument, torch.Tensor) and argument.untyped_storage()._cdata == storage
    ]
    source = trace.buffer_of(bases[0]) if bases else None
    if source is None or source.dtype != tensor.dtype:
        raise only_plans(operator, "compute it before calling the kernel, or inside the tile loop")
    trace.add_buffer(tensor, trace.plan.view(tensor, source))


def _refuse_data(operator: str, *, mutable: bool) -> None:
    """The plan of the host has no step that reads or writes elements."""
    if operator == "aten::_local_scalar_dense":
        raise only_plans("reading an element", "pass the number to the kernel as an argument")
    if mutable:
        raise only_plans(operator, "write before calling the kernel, or inside the tile loop")


def only_plans(operator: str, remedy: str) -> exc.StatementNotSupported:
    """The error for host code that touches the elements of a tensor."""
    return exc.StatementNotSupported(
        span=here(),
        statement=operator.replace("aten::", "torch."),
        notes=(
            "outside of tile loops, a kernel may allocate and view tensors and compute with sizes",
        ),
        remedy=remedy,
    )
