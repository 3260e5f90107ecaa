"""Run staged code under the fakes and listeners of a trace: what it does is recorded in the trace's state."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion.language import activate
from helion_compiler.staging import stage
from helion_compiler.torch_bridge.modes import asking, unseen_by_dynamo
from helion_compiler.tracing.arguments import copied_function
from helion_compiler.tracing.author_terms import in_author_terms
from helion_compiler.tracing.host import host_outputs
from helion_compiler.tracing.meanings import TracingSemantics
from helion_compiler.tracing.modes import FunctionListener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FunctionType

    from helion_compiler.staging import StagedFunction
    from helion_compiler.staging.stage import Guards
    from helion_compiler.tracing.arguments import Call
    from helion_compiler.tracing.control import TracedControl
    from helion_compiler.tracing.state import Trace
    from helion_runtime.entries import OutputTree


def run_staged(
    staged: StagedFunction,
    call: Call,
    state: Trace,
    control: TracedControl,
    fakes: Sequence[Any],
    guards: Guards | None = None,
) -> OutputTree:
    """Run ``staged`` on ``fakes``, one for each leaf of ``call``; what it returns, as the host builds it.

    Raises:
        helion.exc.HelionError: the kernel is at fault; the error names the place.
    """
    arguments, closure, globals_ = call.join(fakes, functools.partial(_staged_helper, control))
    function = staged.bind(control, closure, globals_, guards)
    # The fake mode lies below the listener: with it active, torch does not ask for a GPU.
    with (
        unseen_by_dynamo(),
        torch.no_grad(),
        torch.autocast(state.torch_device.type, enabled=False),
        state.fake_mode,
        asking(),  # what torch refuses is told in the author's terms, and not logged besides
        activate(TracingSemantics(state)),
        FunctionListener(state),
        state.listening(),
        _in_author_terms(staged, state),
    ):
        returned = _call(function, arguments)
        if not call.holds(fakes, arguments):
            raise exc.StatementNotSupported(
                statement="putting something else into a container that was passed",
                remedy="write into the tensors it holds, or return what is new",
            )
        return host_outputs(state, returned, staged.returns)


def _staged_helper(
    control: TracedControl,
    original: FunctionType,
    closure: Mapping[str, Any],
    globals_: Mapping[str, Any],
) -> Callable[..., Any]:
    """A function that the kernel calls or is given: staged too, so that its loops and branches may be the device's.

    A lambda, whose source is a part of whatever lines it stands on, and what has no source run as they are.
    """
    if original.__name__ == "<lambda>":
        return copied_function(original, closure, globals_)
    try:
        staged = stage(original)
    except exc.StatementNotSupported:
        return copied_function(original, closure, globals_)
    return staged.bind(control, closure, globals_)


def _call(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Call with one argument per parameter, those that are keywords only at the end."""
    code = function.__code__
    count = code.co_argcount
    keywords = code.co_varnames[count : count + code.co_kwonlyargcount]
    return function(*arguments[:count], **dict(zip(keywords, arguments[count:], strict=True)))


@contextmanager
def _in_author_terms(staged: StagedFunction, state: Trace) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        told = in_author_terms(error, staged.filename, state.symbols)
        if told is None or told is error:
            raise
        raise told from error
