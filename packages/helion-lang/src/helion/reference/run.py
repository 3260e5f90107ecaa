"""Running a kernel's own Python, eagerly, on real slices of real tensors.

This is the oracle that compiled kernels are compared with, and the mode to debug in: breakpoints and prints work.
"""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import attrs
import torch

from helion.containers import parts_of
from helion.exc import (
    NestedKernelCallsNotSupported,
    NoDeviceLoopsInKernel,
    Span,
    WrongDevice,
)
from helion.language import activate, active
from helion.reference.blocks import BlockChooser, BlockSizes
from helion.reference.failures import explain
from helion.reference.host_and_device import check_outputs
from helion.reference.names import names_mentioned, refuse_assignments
from helion.reference.precision import Copier
from helion.reference.semantics import ReferenceSemantics
from helion.reference.state import ReferenceState
from helion.reference.torch_functions import ReferenceFunctions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_LOOPS = frozenset({"tile", "grid", "jagged_tile"})
_NO_TUNABLES: Mapping[str, Any] = MappingProxyType({})


@attrs.frozen(eq=False)
class ReferenceResult:
    """What a run returned, and which arguments it wrote to.

    Attributes:
        outputs: the kernel's result.
        mutated: by position, the arguments whose memory was written: the ones passed in at native precision, float64
            copies of them at high precision.
    """

    outputs: Any
    mutated: Mapping[int, Any]


def run(
    function: Callable[..., Any],
    args: Sequence[Any],
    *,
    block_sizes: BlockSizes = None,
    precision: Literal["native", "high"] = "native",
    tunables: Mapping[str, Any] = _NO_TUNABLES,
    exactly: bool = True,
    seconds: float | None = None,
) -> ReferenceResult:
    """Run a kernel's function in reference mode.

    Args:
        function: the undecorated function (``kernel.fn``); other decorators must use ``functools.wraps``.
        args: one per parameter, in order, keyword-only ones included.
        block_sizes: for the axes whose block size the source leaves open: one for all, a list in order of the source,
            or a mapping by the name of the loop's target. Left out, tiles are as large as is sensible.
        precision: "native" computes as the kernel says, on ``args`` themselves. "high" computes on copies in float64,
            the tensors that functions capture included, and leaves everything else untouched.
        tunables: the values of registered tunables by name; a default for what is not there.
        exactly: whether a block size that the kernel registers may be given as one that does not divide the extent,
            which no value of that size survives; otherwise all of the extent is taken for it.
        seconds: how long the run may take, asked at each turn of each loop; None for as long as it takes.

    Raises:
        ReferenceTimeout: it took longer than ``seconds``. At native precision, arguments may be half written.
        HelionError: the kernel is wrong; the error names the place in its source.
    """
    if active() is not None:
        raise NestedKernelCallsNotSupported(kernel=function.__name__)
    high = precision == "high"
    copier = Copier()
    arguments = tuple(copier.copy(list(args))) if high else tuple(args)
    called = copier.copy(function) if high else function
    signature = inspect.signature(function)
    code = inspect.unwrap(function).__code__
    refuse_assignments(code)
    device = _common_device(signature, arguments)
    state = ReferenceState(
        device,
        BlockChooser(block_sizes, exactly=exactly),
        originals=copier.tensors() if high else None,
        tunables=tunables,
        seconds=seconds,
    )
    positional, keywords = _split(signature, arguments)
    try:
        with torch.no_grad(), activate(ReferenceSemantics(state)), ReferenceFunctions(state):
            outputs = called(*positional, **keywords)
        check_outputs(state, inspect.unwrap(function), _tensors(outputs))
        state.check_finished()
    except Exception as error:
        explained = explain(error, code.co_filename, state)
        if explained is None or explained is error:
            raise
        raise explained from error
    # Host code may return before it comes to a loop; what has none is known by its names.
    if state.loops == 0 and _LOOPS.isdisjoint(names_mentioned(code)):
        raise NoDeviceLoopsInKernel(kernel=function.__name__, span=Span.of_definition(function))
    mutated = {
        position: argument
        for position, argument in enumerate(arguments)
        if any(state.memory.includes(tensor) for tensor in _tensors(argument))
    }
    return ReferenceResult(outputs, MappingProxyType(mutated))


def _split(
    signature: inspect.Signature, arguments: Sequence[Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Arguments given by position as the function takes them."""
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for parameter, argument in zip(signature.parameters.values(), arguments, strict=True):
        if parameter.kind is parameter.KEYWORD_ONLY:
            keywords[parameter.name] = argument
        else:
            positional.append(argument)
    return positional, keywords


def _common_device(signature: inspect.Signature, arguments: Sequence[Any]) -> torch.device:
    """Where all tensors among the arguments are; the CPU if there is none."""
    first: tuple[str, torch.device] | None = None
    for name, argument in zip(signature.parameters, arguments, strict=True):
        for tensor in _tensors(argument):
            if first is None:
                first = (name, tensor.device)
            elif tensor.device != first[1]:
                raise WrongDevice(
                    parameter=name, found=tensor.device, other=first[0], expected=first[1]
                )
    return torch.device("cpu") if first is None else first[1]


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in an argument, those in containers included."""
    if isinstance(value, torch.Tensor):
        yield value
    elif (parts := parts_of(value)) is not None:
        for item in parts.items:
            yield from _tensors(item)
