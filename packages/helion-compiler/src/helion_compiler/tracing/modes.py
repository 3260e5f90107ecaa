"""The two listeners of a trace: ATen calls, and functions of torch's that mean something else for tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from helion import exc
from helion_compiler.torch_bridge.modes import DispatchMode
from helion_compiler.tracing.device import record_device
from helion_compiler.tracing.host import check_host_index, record_host
from helion_compiler.tracing.indices import is_basic
from helion_compiler.tracing.location import here
from helion_compiler.tracing.matrix_products import PRODUCTS
from helion_compiler.tracing.number_ranges import refuse_large
from helion_compiler.tracing.subscripts import assign, subscript

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


class AtenListener(DispatchMode):
    """Shows every ATen call to the trace."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's base class is untyped
        self._trace = trace

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        record = record_device if self._trace.on_device else record_host
        return record(self._trace, func, args, kwargs or {})


class FunctionListener(TorchFunctionMode):
    """Gives ``tensor[...]`` and ``@`` their meaning in device code; everything else is torch's own."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.data_ptr:
            raise exc.StatementNotSupported(
                span=here(),
                statement="data_ptr",
                remedy="pass addresses as an argument: a tensor of int64 that `hl.stacktensor_like` takes",
            )
        if func in _SUBSCRIPTS and not self._trace.on_device:
            check_host_index(args[0], args[1])
            if func is torch.Tensor.__getitem__ and is_basic(args[1]):
                return subscript(
                    self._trace, *args
                )  # torch's own asks for the tensor's device, which may not exist here
        elif func in _SUBSCRIPTS:
            with self:
                return _SUBSCRIPTS[func](self._trace, *args)
        elif func in PRODUCTS and self._trace.on_device and not kwargs:
            with self:
                return PRODUCTS[func](self._trace, *args)
        elif func is torch.Tensor.item and self._trace.on_device:
            return args[0].reshape(())  # a scalar of the device is as good as a number there
        try:
            return func(*args, **(kwargs or {}))
        except OverflowError:
            refuse_large([*args, *(kwargs or {}).values()])
            raise


_SUBSCRIPTS: dict[Any, Any] = {
    torch.Tensor.__getitem__: subscript,
    torch.Tensor.__setitem__: assign,
}
