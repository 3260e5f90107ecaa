"""ATen calls of the host that compute or write, as steps of the plan that run on every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.torch_bridge.modes import without_modes
from helion_compiler.tracing.location import here
from helion_compiler.tracing.plan import dtype_name
from helion_runtime.host_operators import find_operator, is_allowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.tracing.state import Trace
    from helion_runtime.entries import CallStep, CallTree

_MAX_CONSTANT = 64


def record_call(
    trace: Trace,
    operator: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    results: Sequence[torch.Tensor],
    alias_of: torch.Tensor | None = None,
) -> None:
    """Write one call down; ``results`` are its tensors, whose memory may be that of ``alias_of``."""
    schema = operator._schema
    name = f"{schema.name}.{schema.overload_name}" if schema.overload_name else schema.name
    for tensor in results:
        _check_result(trace, tensor, name)
    if not is_allowed(name):
        raise _not_supported(
            name,
            "a kernel's host code calls the operators of torch that compute with tensors alone",
        )
    if schema.is_mutable:
        written = [value for value in _written(schema, args, kwargs) if _is_tensor(value)]
        trace.plan.note_writes(map(trace.buffer_of, written))
    if torch.Tag.nondeterministic_seeded in operator.tags:
        trace.plan.draws_numbers = True
    source = None if alias_of is None else trace.buffer_of(alias_of)
    buffers = trace.plan.call(
        name,
        tuple(_tree(trace, name, argument) for argument in args),
        tuple((key, _tree(trace, name, value)) for key, value in kwargs.items()),
        results,
        source,
    )
    for tensor, buffer in zip(results, buffers, strict=True):
        trace.add_buffer(tensor, buffer)


def constant(trace: Trace, value: torch.Tensor) -> torch.Tensor:
    """``torch.tensor(...)`` of a few numbers: scalars, stacked and viewed."""
    if value.numel() > _MAX_CONSTANT:
        raise exc.StatementNotSupported(
            span=here(),
            statement=f"a constant tensor of {value.numel()} numbers",
            remedy="make it before calling the kernel, and pass it as an argument",
        )
    with without_modes():
        numbers = value.flatten().tolist()
        shape, dtype = list(value.shape), value.dtype
    device = trace.torch_device
    with trace.listening():
        if not numbers:
            return torch.empty(shape, dtype=dtype, device=device)
        scalars = [torch.scalar_tensor(n, dtype=dtype, device=device) for n in numbers]
        return torch.stack(scalars).view(shape)


def _check_result(trace: Trace, tensor: object, operator: str) -> None:
    if not isinstance(tensor, torch.Tensor):
        raise _not_supported(operator, "one of its results is no tensor")
    if not all(map(trace.symbols.is_host, trace.sizes_of(tensor))):
        raise exc.DataDependentOutputShapeNotSupported(
            span=here(), operation=operator.replace("aten::", "torch.")
        )
    if tensor.device.type != trace.torch_device.type:
        raise exc.WrongDevice(
            span=here(),
            parameter=f"the result of {operator}",
            found=str(tensor.device),
            other="the first argument",
            expected=str(trace.torch_device),
        )


def written_arguments(step: CallStep) -> list[Any]:
    """The arguments of a step that its operator writes into."""
    schema = find_operator(step.operator)._schema
    return _written(schema, step.arguments, dict(step.keywords))


def _written(schema: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The arguments that a call writes into."""
    values = {
        argument.name: value for argument, value in zip(schema.arguments, args, strict=False)
    } | kwargs
    return [
        values[argument.name]
        for argument in schema.arguments
        if argument.alias_info is not None
        and argument.alias_info.is_write
        and argument.name in values
    ]


def _is_tensor(value: object) -> bool:
    return isinstance(value, torch.Tensor)


def _tree(trace: Trace, operator: str, value: Any) -> CallTree:
    """One argument as the runtime passes it."""
    match value:
        case torch.Tensor():
            buffer = trace.buffer_of(value)
            if buffer is None:
                raise exc.TracedArgNotSupported(
                    span=here(),
                    parameter=f"tensor of shape {tuple(value.shape)}",
                    type="tensor that is neither an argument, a closure variable nor a global of the kernel",
                )
            return ["buffer", buffer.number]
        case None | bool() | int() | float() | str():
            return ["value", value]
        case torch.SymInt() | torch.SymFloat() | torch.SymBool():
            return ["value", trace.plan.number(value)]
        case list() | tuple():
            return ["list", [_tree(trace, operator, item) for item in value]]
        case torch.dtype():
            return ["dtype", dtype_name(value)]
        case torch.memory_format():
            return ["memory_format", str(value).removeprefix("torch.")]
        case torch.layout() if value is torch.strided:
            return ["value", None]
        case torch.device() if value.type == trace.torch_device.type:
            return ["device"]
    raise _not_supported(operator, f"{value!r:.60} cannot be an argument of it here")


def _not_supported(operator: str, reason: str) -> exc.StatementNotSupported:
    return exc.StatementNotSupported(
        span=here(),
        statement=operator.replace("aten::", "torch."),
        notes=(reason,),
        remedy="call it before the kernel, and pass what it gives as an argument",
    )
