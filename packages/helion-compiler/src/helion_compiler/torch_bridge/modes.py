"""The modes of torch that a trace is made with."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from unittest import mock

import torch
from torch._C._dynamo.eval_frame import set_eval_frame
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import _pop_mode_temporarily
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _disable_current_modes,
    _get_current_dispatch_mode,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

__all__ = [
    "DispatchMode",
    "FakeTensorMode",
    "asking",
    "innermost",
    "unseen_by_dynamo",
    "unwatched",
    "without_modes",
]


class DispatchMode(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its hook untyped
    """A mode that sees every ATen call.

    Torch would wrap what it does in a function that keeps Dynamo out, and imports it for that: use
    `unseen_by_dynamo` around the whole.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Override."""
        return False


@contextmanager
def unseen_by_dynamo() -> Iterator[None]:
    """A context in which Dynamo, if somebody compiles with it, compiles no function that is called."""
    before = set_eval_frame(None)
    try:
        yield
    finally:
        set_eval_frame(before)


def asking() -> AbstractContextManager[object]:
    """A context in which an operator that torch refuses for fake tensors is an answer: torch logs nothing."""
    return mock.patch.object(fake_tensor.log, "disabled", new=True)


def innermost() -> TorchDispatchMode | None:
    """The mode that sees first what torch is asked."""
    return _get_current_dispatch_mode()


def without_modes() -> AbstractContextManager[None]:
    """A context in which no mode sees what torch is asked."""
    return _disable_current_modes()


@contextmanager
def unwatched() -> Iterator[None]:
    """A context in which no mode sees what torch is asked, nor which of its functions are called."""
    with ExitStack() as stack:
        for _ in range(torch._C._len_torch_function_stack()):
            stack.enter_context(_pop_mode_temporarily())
        stack.enter_context(without_modes())
        yield
