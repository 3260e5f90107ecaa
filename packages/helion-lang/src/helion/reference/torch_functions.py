"""Torch functions as a kernel means them, where that differs from eager torch.

One mode sees every call while a kernel runs, and changes four things: subscripts may hold tiles; matrix products take
mixed dtypes and round once; what is created inside a tile loop is on the kernel's device; and in high precision,
everything floating is float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from helion.reference.entries import has_tile
from helion.reference.host_and_device import check_after, check_before, is_in_place
from helion.reference.precision import is_cast, raised, raised_call
from helion.reference.products import PRODUCTS, multiply
from helion.reference.subscripts import read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helion.reference.state import ReferenceState

_RANDOM = frozenset({"rand", "randn", "randint"})
_CREATIONS = _RANDOM | {
    "arange",
    "empty",
    "eye",
    "full",
    "linspace",
    "ones",
    "scalar_tensor",
    "tensor",
    "zeros",
}


class ReferenceFunctions(TorchFunctionMode):
    """The mode for one run."""

    def __init__(self, state: ReferenceState) -> None:
        super().__init__()
        self._state = state

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one call of a torch function."""
        kwargs = dict(kwargs or {})
        if self._state.working:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        check_before(self._state, name, args)
        for target in _targets(name, args, kwargs):
            self._state.note_write(target)
        result = self._precise(name, func, args, kwargs)
        check_after(self._state, name, args, kwargs, result)
        return result

    def _precise(
        self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if not self._state.high:
            return self._run(name, func, args, kwargs)
        if is_cast(name):
            return args[0].to(torch.float64)
        args, kwargs = raised_call(name, args, kwargs)
        result = self._run(name, func, args, kwargs)
        if raised(result) is not result and name in _CREATIONS - _RANDOM:
            return self._run(name, func, args, {**kwargs, "dtype": torch.float64})
        return raised(result)

    def _run(
        self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        on_device = self._state.depth > 0
        if name == "__getitem__" and (on_device or has_tile(args[1])):
            self._state.note_read(args[0])
            return read(args[0], args[1])
        if name == "__setitem__" and (on_device or has_tile(args[1])):
            return write(*args)
        if name in PRODUCTS:
            return multiply(name, func, args, kwargs)
        if name in _CREATIONS and on_device:
            kwargs.setdefault("device", self._state.device)
        return func(*args, **kwargs)


def _targets(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[torch.Tensor]:
    """The tensors that a call writes to."""
    in_place = is_in_place(name) or kwargs.get("inplace")
    if in_place and args and isinstance(args[0], torch.Tensor):
        yield args[0]
    out = kwargs.get("out")
    yield from (out,) if isinstance(out, torch.Tensor) else out or ()
