"""The two listeners of a trace: ATen calls, and subscripts of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from helion_compiler.tracing.subscripts import assign, subscript

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from helion_compiler.tracing.state import Trace


def unheard() -> AbstractContextManager[None]:
    """A context in which no mode listens, for fakes that the trace makes for itself."""
    return _disable_current_modes()


class AtenListener(TorchDispatchMode):
    """Shows every ATen call to the trace."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._trace.aten(func, args, kwargs or {})


class SubscriptListener(TorchFunctionMode):
    """Gives ``tensor[...]`` its meaning for tiles; everything else is torch's own."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.__getitem__:
            with self:
                return subscript(self._trace, *args)
        if func is torch.Tensor.__setitem__:
            with self:
                return assign(self._trace, *args)
        return func(*args, **(kwargs or {}))
