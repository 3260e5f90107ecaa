"""One ATen call, lowered by TorchInductor.

In: an operator and its arguments, where operands stand for tiles and run-time scalars. Out:
TorchInductor's buffers for it, in which tiles are one-dimensional and contiguous, and run-time
scalars are symbols. Assumed: the number of elements means nothing, because all tiles of a pointwise
call broadcast to one shape. No GPU is needed for any device type.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from unittest import mock

import attrs
import sympy
import torch
from torch._dynamo.source import ConstantSource
from torch._inductor import config as inductor_config
from torch._inductor import exc
from torch._inductor.decomposition import select_decomp_table
from torch._inductor.graph import GraphLowering
from torch._inductor.runtime.hints import DeviceProperties
from torch._inductor.virtualized import V
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_map

from helion_compiler.torch_bridge.floor_division import FLOOR_DIVISION
from helion_compiler.torch_bridge.gelu import GELU
from helion_compiler.torch_bridge.modes import asking
from helion_compiler.torch_bridge.operands import (
    NotPointwise,
    Operand,
    ScalarOperand,
    TensorOperand,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ELEMENTS", "LoweredCall", "lower_call", "lowering_settings"]

ELEMENTS = 4099
"""Elements of every tile while its call is lowered: a prime, so nothing special applies to it."""

_HINTS = {"int": 1_000_003, "float": 1_000_003.5, "bool": 1}  # no special case matches the numbers

_REFUSALS = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What torch raises for an operator that needs dimensions, given tiles of one."""

_SETTINGS = {
    "emulate_precision_casts": False,  # float32 inside one operator, as in eager mode
    "implicit_fallbacks": False,  # an operator without a lowering is an error
    "triton.codegen_upcast_to_fp32": True,
    "use_fast_math": False,
}


@attrs.frozen
class LoweredCall:
    """What TorchInductor made of a call.

    Attributes:
        graph: The lowered graph, with its buffers and its single output.
        operands: The operands in order of appearance.
        tensors: Name of a graph input -> number of the operand.
        symbols: Symbol of a run-time scalar -> number of the operand.
    """

    graph: GraphLowering
    operands: tuple[Operand, ...]
    tensors: Mapping[str, int]
    symbols: Mapping[sympy.Symbol, int]


def lower_call(
    operator: torch._ops.OpOverload,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    device: torch.device,
) -> LoweredCall:
    """Lower one call; raise `NotPointwise` where TorchInductor has no lowering of its own."""
    operands: list[Operand] = []
    slots, named_slots = tree_map(lambda leaf: _slot(leaf, operands), (args, dict(kwargs)))
    _check_schema(operator)

    def call(*values: Any) -> Any:
        positional, named = tree_map(
            lambda leaf: values[leaf.number] if isinstance(leaf, _Slot) else leaf,
            (slots, named_slots),
        )
        return operator(*positional, **named)

    shape_env = ShapeEnv()
    with _disable_current_modes(), FakeTensorMode(shape_env=shape_env) as mode:
        examples = [_example(shape_env, n, operand, device) for n, operand in enumerate(operands)]
        table = {**select_decomp_table(), **FLOOR_DIVISION, **GELU}
        try:
            with asking():
                module = make_fx(call, decomposition_table=table)(*examples)
        except _REFUSALS as error:
            reason = f"on single elements it is an error ({_first_line(error)})"
            raise NotPointwise(operator, reason) from error
        graph = GraphLowering(module, example_inputs=examples, shape_env=shape_env)
        with V.set_graph_handler(graph), V.set_fake_mode(mode):
            try:
                graph.run(*examples)
            except (exc.OperatorIssue, *_REFUSALS) as error:
                reason = f"TorchInductor does not lower it ({_first_line(error)})"
                raise NotPointwise(operator, reason) from error
    _check_guards(operator, shape_env)
    if graph.mutated_buffers:
        raise NotPointwise(operator, "it writes to elements of its result one after another")
    names = [node.target for node in module.graph.nodes if node.op == "placeholder"]
    symbols = {
        example.node.expr: number
        for number, example in enumerate(examples)
        if isinstance(operands[number], ScalarOperand)
    }
    tensors = {
        name: number
        for number, name in enumerate(names)
        if isinstance(operands[number], TensorOperand)
    }
    return LoweredCall(graph=graph, operands=tuple(operands), tensors=tensors, symbols=symbols)


def _first_line(error: BaseException) -> str:
    """What an error says, less the account of how TorchInductor got there."""
    line = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {line}"


@contextlib.contextmanager
def lowering_settings(device: torch.device) -> Iterator[None]:
    """Make lowering depend on the call alone: on no GPU and on nobody's configuration."""
    properties = DeviceProperties(
        type=device.type, index=0, multi_processor_count=132, cc=90, major=9, warp_size=32
    )
    with (
        mock.patch.object(DeviceProperties, "create", return_value=properties),
        inductor_config.patch(_SETTINGS),
    ):
        yield


@attrs.frozen
class _Slot:
    """The place of operand `number` among the arguments."""

    number: int


def _slot(leaf: Any, operands: list[Operand]) -> Any:
    if not isinstance(leaf, (TensorOperand, ScalarOperand)):
        return leaf
    operands.append(leaf)
    return _Slot(len(operands) - 1)


def _example(shape_env: ShapeEnv, number: int, operand: Operand, device: torch.device) -> Any:
    """A fake tile, or a symbolic number. A bool becomes a number, which computes the same."""
    if isinstance(operand, TensorOperand):
        return torch.empty(ELEMENTS, dtype=operand.dtype, device=device)
    hint = _HINTS[operand.kind]
    source = ConstantSource(f"operand{number}")
    symbol = shape_env.create_unspecified_symbol(hint, source, DimDynamic.DYNAMIC)
    if operand.kind == "float":
        return shape_env.create_symfloatnode(symbol, hint=hint, source=source)
    return shape_env.create_symintnode(symbol, hint=hint, source=source)


def _check_schema(operator: torch._ops.OpOverload) -> None:
    schema = operator._schema
    if schema.is_mutable:
        raise NotPointwise(operator, "it writes to its arguments")
    if torch.Tag.nondeterministic_seeded in operator.tags:
        raise NotPointwise(operator, "it draws random numbers")
    if len(schema.returns) != 1:
        raise NotPointwise(operator, f"it returns {len(schema.returns)} values")
    if schema.returns[0].alias_info is not None:
        raise NotPointwise(operator, "it is a view")


def _check_guards(operator: torch._ops.OpOverload, shape_env: ShapeEnv) -> None:
    """Refuse text that holds for some values of a run-time scalar only.

    "Not this one number" may be assumed: it is how a short cut is left, and what remains is right
    for every value.
    """
    for guard in shape_env.guards:
        condition = guard.expr
        if not (isinstance(condition, sympy.Ne) and condition.rhs.is_number):
            raise NotPointwise(operator, f"it branches on the value of a scalar ({condition})")
