"""Torch's fake tensors and symbols, without Dynamo.

Torch's own classes import Dynamo, which takes more than a second, to read three switches of it, to ask whether
Dynamo's guards are to be validated, and for the names of its files. Nothing else of it is used. In: what torch's
classes take. Out: objects of subclasses whose methods are torch's own, but that they get an answer to these questions
which imports nothing. Where somebody has imported Dynamo, its own switches count.
"""

from __future__ import annotations

import builtins
import inspect
import sys
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import torch
from torch._guards import GuardSource, Source
from torch._logging._internal import trace_structured
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

if TYPE_CHECKING:
    import types

__all__ = ["SWITCHES", "NamedSource", "QuickFakeMode", "QuickShapeEnv"]

SWITCHES = SimpleNamespace(
    fake_tensor_cache_enabled=True,
    fake_tensor_cache_crosscheck_enabled=False,
    _custom_ops_profile=None,
)
"""The switches of `torch._dynamo.config` that fake modes read, as they are unless somebody turns them."""
_VALIDATOR = SimpleNamespace(translation_validation_enabled=lambda: False)


class _Torch:
    """What stands for the module `torch` in a method of torch's: the same, but for the part that is not imported."""

    def __getattr__(self, name: str) -> Any:
        if name == "_dynamo" and "torch._dynamo" not in sys.modules:
            return SimpleNamespace(config=SWITCHES)
        return getattr(torch, name)


_TORCH = _Torch()


def _imported(
    name: str, scope: Any = None, local: Any = None, wanted: Any = (), level: int = 0
) -> Any:
    """What an import statement of torch's gives: `__import__`, but for Dynamo and what imports it."""
    if name == "torch.fx.experimental.validator":
        return _VALIDATOR
    if name != "torch._dynamo.config" or wanted:
        found = builtins.__import__(name, scope, local, wanted, level)
        return _TORCH if found is torch else found
    return _TORCH


def _answered(method: Any) -> Any:
    """A method of torch's that gets the answers of this module."""
    function = inspect.unwrap(method)
    names = {
        **function.__globals__,
        "torch": _TORCH,
        "__builtins__": {**vars(builtins), "__import__": _imported},
    }
    made = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


class QuickFakeMode(FakeTensorMode):  # type: ignore[no-untyped-call]  # torch leaves its hook untyped
    """A fake mode.

    What it does with an operator is not wrapped in a function that keeps Dynamo out, as `modes.DispatchMode` says.
    """

    __init__ = _answered(FakeTensorMode.__init__)
    __torch_dispatch__ = inspect.unwrap(FakeTensorMode.__torch_dispatch__)
    _dispatch_impl = _answered(FakeTensorMode._dispatch_impl)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Override."""
        return False


class QuickShapeEnv(ShapeEnv):
    """A shape environment, which tells torch's code from others' by the names of modules."""

    _init = _answered(ShapeEnv._init)
    _make = _answered(ShapeEnv.__init__)

    def __init__(self, **options: Any) -> None:
        """Override: torch's own, after an event that says nothing.

        A process writes structured traces or not, which torch decides at the first event: one that has come about, and
        those of shape environments have stack traces, which TorchInductor is imported for.
        """
        trace_structured("helion", expect_trace_id=False, record_logging_overhead=False)
        self._make(**options)

    def _get_user_frame(self) -> types.FrameType | None:
        """Override: the innermost frame outside torch and this module, which torch's log mentions."""
        frame = sys._getframe().f_back
        while frame is not None and _is_torchs(frame):
            frame = frame.f_back
        return frame


def _is_torchs(frame: types.FrameType) -> bool:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0] == "torch"


@attrs.frozen
class NamedSource(Source):
    """Where a symbol comes from that has a name and no place: no guard is ever checked for it."""

    name: str

    @property
    def guard_source(self) -> GuardSource:
        """Override."""
        return GuardSource.CONSTANT

    @property
    def _name_template(self) -> str:
        return self.name
