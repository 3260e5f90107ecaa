"""Write host code down as a plan: what each ATen call of the host allocates, views, computes or writes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion.containers import parts_of, together
from helion.language import Tile
from helion_compiler.torch_bridge import symbolic
from helion_compiler.tracing.host_calls import constant, record_call
from helion_compiler.tracing.location import here
from helion_compiler.tracing.quick_fakes import quick_fake
from helion_compiler.tracing.readings import read_element
from helion_compiler.tracing.tiles import DeviceOnly
from helion_runtime.host_operators import is_allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion.containers import Parts
    from helion.exc import Span
    from helion_compiler.tracing.state import Trace
    from helion_runtime.entries import OutputTree

_FILLS: dict[str, float | None] = {
    "aten::empty": None,
    "aten::empty_like": None,
    "aten::empty_permuted": None,
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
_ANSWERS: dict[str, Callable[..., Any]] = {
    "aten::equal": lambda one, other: one.shape == other.shape and (one == other).all(),
    "aten::allclose": lambda *args, **kwargs: torch.isclose(*args, **kwargs).all(),
}
"""Operators that answer a question with a bool of Python's: by operators that give it as a tensor."""

_FILL_ARGUMENT = {"aten::full": 1, "aten::full_like": 1, "aten::new_full": 2}


def record_host(trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run one ATen call of the host on fakes, and write it down."""
    name = operator._schema.name
    if name == "aten::_local_scalar_dense":
        return read_element(trace, args[0])
    if name in _ANSWERS:
        with trace.listening():
            answer = _ANSWERS[name](*args, **kwargs)
        return answer if isinstance(answer, bool) else read_element(trace, answer)
    if name == "aten::lift_fresh" and not symbolic.is_fake(args[0]):
        return constant(trace, args[0])
    _refuse_device_values(trace, (*args, *kwargs.values()))
    with trace.fake_mode:
        result = _on_fakes(operator, args, kwargs)
    if name in _FILLS:
        _allocate(trace, result, _FILLS[name])
    elif name in _FILL_ARGUMENT:
        _fill(trace, result, args[_FILL_ARGUMENT[name]])
    elif torch.Tag.inplace_view in operator.tags and is_allowed(name):
        _view(trace, args[0], args[0])
    elif operator._schema.is_mutable:
        record_call(trace, operator, args, kwargs, ())
    else:
        _record_results(trace, operator, args, kwargs, result)
    return result


def check_host_index(tensor: torch.Tensor, index: Any) -> None:
    """Refuse what is no index outside of a tile loop: tiles, and values of the device."""
    entries = index if isinstance(index, tuple | list) else (index,)
    for entry in entries:
        if isinstance(entry, DeviceOnly):
            entry.refuse()
        if isinstance(entry, Tile):
            raise exc.InvalidIndexingType(span=here(), index=f"a {type(entry).__name__}")
    given = [entry for entry in entries if entry is not None and entry is not Ellipsis]
    plain = not any(isinstance(entry, torch.Tensor | list | bool) for entry in given)
    if isinstance(index, tuple) and plain and len(given) > tensor.ndim:
        raise exc.RankMismatch(
            span=here(), what="the subscript", expected=tensor.ndim, found=len(given)
        )


def name_buffers(trace: Trace, scope: Mapping[str, Any]) -> None:
    """Call what the host made by the variables that hold it."""
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
        case bool() | int() | float() | str():
            return ["value", returned]
        case torch.SymInt() | torch.SymFloat() | torch.SymBool():
            return ["value", trace.plan.number(returned)]
        case _:
            if isinstance(returned, DeviceOnly):
                returned.refuse(span)
            parts = parts_of(returned)
            if parts is None:
                raise exc.TracedArgNotSupported(
                    parameter="return", type=type(returned).__name__, span=span
                )
            return _container(parts, [host_outputs(trace, item, span) for item in parts.items])


def _container(parts: Parts, trees: list[OutputTree]) -> OutputTree:
    """A container of these: what a bundle has a word for, or what Python makes of it."""
    labels = parts.labels
    if parts.type in (tuple, list, torch.Size):
        return ["list" if parts.type is list else "tuple", list(trees)]
    if labels is not None and parts.type is dict and all(type(name) is str for name in labels):
        return ["dict", [list(pair) for pair in zip(labels, trees, strict=True)]]
    return ["object", partial(together, parts.type, labels), list(trees)]


def _on_fakes(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    told = quick_fake(operator, args, kwargs)
    if told is not None:
        return told
    try:
        return operator(*args, **kwargs)
    except Exception as error:
        if symbolic.has_unknown_shape(error):
            raise exc.DataDependentOutputShapeNotSupported(
                span=here(), operation=operator._schema.name.replace("aten::", "torch.")
            ) from error
        raise


def _allocate(trace: Trace, tensor: torch.Tensor, fill: Any) -> None:
    if tensor.device.type != trace.torch_device.type:
        raise exc.WrongDevice(
            span=here(),
            parameter="the allocation",
            found=str(tensor.device),
            other="the first argument",
            expected=str(trace.torch_device),
        )
    trace.add_buffer(tensor, trace.plan.allocation(tensor, fill))


def _fill(trace: Trace, tensor: torch.Tensor, fill: Any) -> None:
    """A tensor of one number; one that only the call tells is written by a step of its own."""
    known = isinstance(fill, bool | int | float)
    _allocate(trace, tensor, fill if known else None)
    if not known:
        record_call(trace, torch.ops.aten.fill_.Scalar, (tensor, fill), {}, ())


def _record_results(
    trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> None:
    """Write down what an operator that writes nowhere has given: views, or something computed."""
    tensors = [
        item
        for item in (result if isinstance(result, list | tuple) else (result,))
        if isinstance(item, torch.Tensor)
    ]
    fresh = [tensor for tensor in tensors if trace.buffer_of(tensor) is None]
    if not fresh:
        return
    sources = [_source(trace, tensor, args) for tensor in fresh]
    views = [
        (tensor, source)
        for tensor, source in zip(fresh, sources, strict=True)
        if source is not None and _same_elements(tensor, source)
    ]
    if len(views) == len(fresh):
        for tensor, source in views:
            _view(trace, tensor, source)
    else:
        record_call(trace, operator, args, kwargs, tensors, alias_of=sources[0])


def _source(trace: Trace, tensor: torch.Tensor, args: tuple[Any, ...]) -> torch.Tensor | None:
    """The argument whose memory a result shares."""
    storage = tensor.untyped_storage()._cdata
    return next(
        (
            argument
            for argument in args
            if isinstance(argument, torch.Tensor)
            and trace.buffer_of(argument) is not None
            and argument.untyped_storage()._cdata == storage
        ),
        None,
    )


def _same_elements(tensor: torch.Tensor, source: torch.Tensor) -> bool:
    """Whether two tensors of one memory read the same bytes as the same numbers."""
    return (
        tensor.dtype == source.dtype
        and tensor.is_conj() == source.is_conj()
        and tensor.is_neg() == source.is_neg()
    )


def _view(trace: Trace, tensor: torch.Tensor, source: torch.Tensor) -> None:
    buffer = trace.buffer_of(source)
    assert buffer is not None, "asked before"
    trace.add_buffer(tensor, trace.plan.view(tensor, buffer))


def _refuse_device_values(trace: Trace, arguments: tuple[Any, ...]) -> None:
    for argument in arguments:
        if isinstance(argument, torch.Tensor) and trace.is_value(argument):
            raise exc.CannotReadDeviceVariableOnHost(span=here(), name="a tile")
        if isinstance(argument, list | tuple):
            _refuse_device_values(trace, tuple(argument))
