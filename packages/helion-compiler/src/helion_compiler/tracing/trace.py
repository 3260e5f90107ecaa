"""Run a staged kernel once under fakes: from a function and example arguments to a Program."""

from __future__ import annotations

import functools
import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import exc
from helion.language import DECLARATIONS, agree
from helion.reference.names import refuse_assignments
from helion_compiler.program.expressions import to_runtime
from helion_compiler.program.program import Program
from helion_compiler.torch_bridge import symbolic
from helion_compiler.tracing.assumptions import assumptions
from helion_compiler.tracing.control import TracedControl
from helion_compiler.tracing.meanings import MEANINGS
from helion_compiler.tracing.mistakes import every_mistake
from helion_compiler.tracing.modes import AtenListener
from helion_compiler.tracing.rival_stores import refuse_rival_stores
from helion_compiler.tracing.run_staged import run_staged
from helion_compiler.tracing.settle_sizes import settle_sizes
from helion_compiler.tracing.state import Trace
from helion_compiler.tracing.symbols import Symbols
from helion_runtime.entries import Expression, ScalarSignature, TensorSignature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.staging import StagedFunction
    from helion_compiler.tracing.arguments import Call
    from helion_runtime.entries import OutputTree

agree(DECLARATIONS, MEANINGS)


@attrs.frozen
class _Inputs:
    """What the leaves became: fakes, and what the specialization assumes of them."""

    fakes: tuple[Any, ...]
    signature: tuple[TensorSignature | ScalarSignature, ...]
    guard: tuple[Expression, ...]


def trace(
    staged: StagedFunction,
    call: Call,
    *,
    static_shapes: bool,
    tunables: Mapping[str, Any] = MappingProxyType({}),
) -> Program:
    """The Program of ``staged`` for the shapes, strides and dtypes of one call.

    Raises:
        helion.exc.HelionError: the kernel is at fault; the error names the place.
    """
    refuse_assignments(staged.function.__code__)
    begin = functools.partial(_begin, call, static_shapes=static_shapes, tunables=tunables)
    state, inputs = begin()
    try:
        outputs = run_staged(staged, call, state, TracedControl(state), inputs.fakes)
        state.loops.check()
    except exc.HelionError as first:
        again, fresh = begin()
        told = every_mistake(first, staged, call, again, fresh.fakes)
        if told is first:
            raise
        raise told from None  # its text has all of `first`
    if not state.grids:
        raise exc.NoDeviceLoopsInKernel(
            kernel=staged.function.__name__, span=exc.Span.of_definition(staged.function)
        )
    program = settle_sizes(_program(state, staged.function.__name__, call, inputs, outputs))
    refuse_rival_stores(program)
    return attrs.evolve(program, assumptions=assumptions(program))


def _begin(
    call: Call, *, static_shapes: bool, tunables: Mapping[str, Any]
) -> tuple[Trace, _Inputs]:
    """A trace of which nothing has run yet, and the fakes of its leaves."""
    symbols = Symbols()
    mode = symbolic.fake_mode(symbols.shape_env)
    state = Trace(mode, symbols, _device(call), AtenListener, call.leaves)
    state.tunables.chosen = tunables
    inputs = _fake_inputs(state, call, static_shapes=static_shapes)
    state.plan.signature = inputs.signature
    return state, inputs


def _program(state: Trace, name: str, call: Call, inputs: _Inputs, outputs: OutputTree) -> Program:
    """What a finished trace has recorded."""
    symbols, plan = state.symbols, state.plan
    guards = tuple(to_runtime(guard, symbols.host) for guard in symbols.guards())
    return Program(
        name=name,
        arguments=call.names,
        signature=inputs.signature,
        guard=(*inputs.guard, *guards, *plan.guard),
        symbols=symbols.host,
        symbol_hints=symbols.host_hints,
        buffers=tuple(plan.buffers),
        steps=tuple(plan.steps),
        outputs=outputs,
        blocks=tuple(state.body.blocks),
        equalities=symbols.equalities(),
        products=dict(state.body.products),
        grids=tuple(state.grids),
        barrier=state.barrier.counter,
        tunables=dict(state.tunables.registered),
        aliases=plan.aliases,
        host_writes=frozenset(plan.written_arguments),
        host_draws=plan.draws_numbers,
    )


def _device(call: Call) -> torch.device:
    """The one device that every tensor of a call is on."""
    found: dict[torch.device, str] = {}
    for name, leaf in zip(call.names, call.leaves, strict=True):
        if isinstance(leaf, torch.Tensor):
            found.setdefault(leaf.device, name)
    if not found:
        raise exc.NoTensorArgs(kernel=call.kernel.original.__name__)
    if len(found) > 1:
        (first, first_name), (second, second_name) = list(found.items())[:2]
        raise exc.WrongDevice(
            parameter=second_name,
            found=str(second),
            other=first_name,
            expected=str(first),
        )
    return next(iter(found))


def _fake_inputs(state: Trace, call: Call, *, static_shapes: bool) -> _Inputs:
    state.plan.argument_count = len(call.leaves)
    fakes: list[Any] = []
    signature: list[TensorSignature | ScalarSignature] = []
    guard: list[Expression] = []
    for position, (name, leaf) in enumerate(zip(call.names, call.leaves, strict=True)):
        if isinstance(leaf, torch.Tensor):
            fake = _fake_tensor(state, position, leaf, guard, static_shapes=static_shapes)
            state.add_buffer(fake, state.plan.argument(position, name, fake))
            fakes.append(fake)
            signature.append(TensorSignature(str(leaf.dtype).removeprefix("torch."), leaf.ndim))
        else:
            fake, entry = _fake_scalar(state, position, leaf, guard)
            fakes.append(fake)
            signature.append(entry)
    return _Inputs(tuple(fakes), tuple(signature), tuple(guard))


def _fake_tensor(
    state: Trace, position: int, leaf: torch.Tensor, guard: list[Expression], *, static_shapes: bool
) -> torch.Tensor:
    """A fake of an argument, and the guards that its shape and strides put on later calls."""
    sizes: list[Any] = []
    static = symbolic.marked_static(leaf)
    for dim, size in enumerate(leaf.shape):
        if static_shapes or size < 2 or dim in static:
            guard.append(["eq", ["size", position, dim], int(size)])
            sizes.append(int(size))
        else:
            guard.append(["le", 2, ["size", position, dim]])
            sizes.append(state.symbols.host_symbol(["size", position, dim], int(size)))
    strides: list[Any] = [0] * leaf.ndim
    dense: Any = 1
    dense_hint = 1
    for dim in reversed(range(leaf.ndim)):
        strides[dim] = _stride(
            state, position, dim, leaf, guard, dense, dense_hint, static_shapes=static_shapes
        )
        dense = dense * sizes[dim]
        dense_hint *= int(leaf.shape[dim])
    return symbolic.fake_like(state.fake_mode, sizes, leaf.dtype, leaf.device, strides)


def _stride(
    state: Trace,
    position: int,
    dim: int,
    leaf: torch.Tensor,
    guard: list[Expression],
    dense: Any,
    dense_hint: int,
    *,
    static_shapes: bool,
) -> Any:
    """A stride: a number, the one a dense tensor has, or a symbol of its own."""
    stride = int(leaf.stride(dim))
    read: Expression = ["stride", position, dim]
    if leaf.shape[dim] == 1:
        return dense_hint if static_shapes else dense
    if static_shapes or stride < 2:
        guard.append(["eq", read, stride])
        return stride
    if stride == dense_hint:
        expected = to_runtime(state.symbols.expression(dense), state.symbols.host)
        guard.append(["eq", read, expected])
        return dense
    guard.append(["le", 2, read])
    return state.symbols.host_symbol(read, stride)


def _fake_scalar(
    state: Trace, position: int, leaf: Any, guard: list[Expression]
) -> tuple[Any, ScalarSignature]:
    """A Python argument: integers of at least 2 and finite floats stay open, everything else is a constant."""
    if isinstance(leaf, float) and math.isfinite(leaf):
        return state.symbols.float_argument(["argument", position], leaf), ScalarSignature("float")
    if isinstance(leaf, int) and not isinstance(leaf, bool) and leaf >= 2:
        guard.append(["le", 2, ["argument", position]])
        return state.symbols.host_symbol(["argument", position], leaf), ScalarSignature("int")
    kinds: dict[type, Any] = {
        bool: "bool",
        int: "int",
        float: "float",
        str: "str",
        type(None): "none",
    }
    return leaf, ScalarSignature(kinds[type(leaf)], constant=True, value=leaf)
