"""Write host code down as a plan: allocations and views, in the runtime's own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import exc
from helion_compiler.program.expressions import to_runtime
from helion_compiler.program.types import Buffer, Size
from helion_compiler.tracing.location import here
from helion_compiler.tracing.tiles import DeviceOnly
from helion_runtime.entries import AllocateStep, HostStep, OutputTree, ViewStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion.exc import Span
    from helion_compiler.tracing.state import Trace
    from helion_runtime.entries import Expression

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
_UNNAMED = "buffer"
_FILL_ARGUMENT = {"aten::full": 1, "aten::full_like": 1, "aten::new_full": 2}


class HostRecorder:
    """Collects the buffers and steps of the host code."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.buffers: list[Buffer] = []
        self.steps: list[HostStep] = []
        self.argument_count = 0

    def add_argument(self, position: int, name: str, tensor: torch.Tensor) -> Buffer:
        """Register a tensor argument or capture."""
        return self._add(position, name, tensor, root=position, offset=0)

    def record(self, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one ATen call of the host on fakes, and write it down."""
        name = operator._schema.name
        _refuse_data(name, mutable=operator._schema.is_mutable)
        with self._trace.fake_mode:
            result = operator(*args, **kwargs)
        if not isinstance(result, torch.Tensor):
            if isinstance(result, list | tuple) and all(
                isinstance(x, torch.Tensor) for x in result
            ):
                for tensor in result:
                    self._view_or_refuse(name, tensor, args)
            return result
        if name in _FILLS:
            self._allocate(result, _FILLS[name])
        elif name in _FILL_ARGUMENT:
            self._allocate(result, args[_FILL_ARGUMENT[name]])
        elif self._trace.buffer_of(result) is None:
            self._view_or_refuse(name, result, args)
        return result

    def outputs(self, returned: Any, span: Span | None) -> OutputTree:
        """The structure of what the kernel returns at ``span``."""
        match returned:
            case None:
                return ["none"]
            case DeviceOnly():
                returned.refuse(span)
            case torch.Tensor():
                buffer = self._trace.buffer_of(returned)
                if buffer is None:
                    raise exc.CannotReadDeviceVariableOnHost(span=span, name="the returned tensor")
                return ["buffer", buffer.number]
            case bool() | int() | float() | torch.SymInt():
                return ["value", self._runtime(self._trace.symbols.expression(returned))]
            case tuple():
                return ["tuple", [self.outputs(item, span) for item in returned]]
            case list():
                return ["list", [self.outputs(item, span) for item in returned]]
            case _:
                raise exc.TracedArgNotSupported(
                    parameter="return", type=type(returned).__name__, span=span
                )

    def _allocate(self, tensor: torch.Tensor, fill: Any) -> None:
        if tensor.device.type != self._trace.torch_device.type:
            raise exc.WrongDevice(
                span=here(),
                parameter="a tensor allocated in the kernel",
                found=str(tensor.device),
                other="the first argument",
                expected=str(self._trace.torch_device),
            )
        if isinstance(fill, torch.SymInt | torch.SymFloat):
            raise exc.UnsupportedOperator(
                span=here(), operator="torch.full", reason="its fill value must be a constant here"
            )
        sizes, strides = self._geometry(tensor)
        self.steps.append(
            AllocateStep(sizes=sizes, strides=strides, dtype=_dtype_name(tensor), fill=fill)
        )
        number = self._next_number()
        self._add(number, f"{_UNNAMED}{number}", tensor, root=number, offset=0)

    def _view_or_refuse(self, operator: str, tensor: torch.Tensor, args: tuple[Any, ...]) -> None:
        base = next(
            (
                argument
                for argument in args
                if isinstance(argument, torch.Tensor)
                and argument.untyped_storage()._cdata == tensor.untyped_storage()._cdata
            ),
            None,
        )
        if base is None or base.dtype != tensor.dtype:
            raise exc.UnsupportedOperator(
                span=here(),
                operator=operator.replace("::", "."),
                reason="host code of a kernel may allocate and view tensors, but not compute with them",
            )
        source = self._trace.buffer_of(base)
        assert source is not None, "a fake tensor on the host is always a buffer"
        root = next(buffer for buffer in self.buffers if buffer.number == source.root)
        offset = self._trace.symbols.expression(tensor.storage_offset())
        if (tensor.shape, tensor.stride()) == (
            base.shape,
            base.stride(),
        ) and offset == source.offset:
            self._trace.add_buffer(tensor, source)
            return
        sizes, strides = self._geometry(tensor)
        self.steps.append(
            ViewStep(buffer=root.number, sizes=sizes, strides=strides, offset=self._runtime(offset))
        )
        self._add(self._next_number(), source.name, tensor, root=root.number, offset=offset)

    def _geometry(
        self, tensor: torch.Tensor
    ) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
        symbols = self._trace.symbols
        return (
            tuple(self._runtime(symbols.expression(size)) for size in tensor.shape),
            tuple(self._runtime(symbols.expression(stride)) for stride in tensor.stride()),
        )

    def _runtime(self, size: Size) -> Expression:
        return to_runtime(size, self._trace.symbols.host)

    def _next_number(self) -> int:
        return self.argument_count + len(self.steps) - 1

    def _add(
        self, number: int, name: str, tensor: torch.Tensor, *, root: int, offset: Size
    ) -> Buffer:
        symbols = self._trace.symbols
        buffer = Buffer(
            number=number,
            name=name,
            dtype=tensor.dtype,
            shape=self._trace.sizes_of(tensor),
            strides=tuple(symbols.expression(stride) for stride in tensor.stride()),
            root=root,
            offset=offset,
        )
        self.buffers.append(buffer)
        self._trace.add_buffer(tensor, buffer)
        return buffer

    def name_buffers(self, scope: Mapping[str, Any]) -> None:
        """Call allocations by the variables that hold them."""
        for name, tensor in scope.items():
            buffer = self._trace.buffer_of(tensor) if isinstance(tensor, torch.Tensor) else None
            if buffer is None or not buffer.name.startswith(_UNNAMED):
                continue
            named = attrs.evolve(buffer, name=name)
            self.buffers[self.buffers.index(buffer)] = named
            self._trace.add_buffer(tensor, named)


def _refuse_data(operator: str, *, mutable: bool) -> None:
    """The plan of the host has no step that reads or writes elements."""
    if operator == "aten::_local_scalar_dense":
        raise exc.UnsupportedOperator(
            span=here(),
            operator="reading an element of a tensor",
            reason="host code of a kernel is a plan for any data; pass the number as an argument",
        )
    if mutable:
        raise exc.UnsupportedOperator(
            span=here(),
            operator=operator.replace("::", "."),
            reason="host code of a kernel may allocate and view tensors, but not write them",
        )


def _dtype_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
