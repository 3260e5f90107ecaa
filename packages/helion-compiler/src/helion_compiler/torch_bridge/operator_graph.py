"""One ATen call, lowered by TorchInductor.

In: an operator and its arguments, tiles and run-time scalars given as operands. Out: TorchInductor's
buffers for it, in which tiles are one-dimensional and contiguous, and run-time scalars are symbols.
Assumed: the number of elements means nothing, because all tiles of a pointwise call broadcast to one
shape before the text is used. No GPU is needed for any `device_kind`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from unittest import mock

import attrs
import torch
from torch._dynamo.source import LocalSource
from torch._inductor import config as inductor_config
from torch._inductor import exc
from torch._inductor.decomposition import select_decomp_table
from torch._inductor.graph import GraphLowering
from torch._inductor.runtime.hints import DeviceProperties
from torch._inductor.virtualized import V
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv
from torch.utils._pytree import tree_map
from torch.utils._python_dispatch import _disable_current_modes

from helion_compiler.torch_bridge.operands import (
    NotPointwise,
    Operand,
    ScalarOperand,
    TensorOperand,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import sympy

__all__ = ["LoweredCall", "lower_call", "lowering_context"]

ELEMENTS = 4099  # a prime that no operator or decomposition treats in a special way
HINTS = {"int": 1_000_003, "float": 1_000_003.5, "bool": 1}  # hints that no special case matches


@attrs.frozen
class LoweredCall:
    """What TorchInductor made of a call.

    Attributes:
        graph: The lowered graph, whose buffers and single output are read.
        tensors: Name of a graph input -> number of the operand.
        symbols: Symbol of a run-time scalar -> number of the operand.
        operands: The operands in order of appearance.
    """

    graph: Any
    tensors: Mapping[str, int]
    symbols: Mapping[sympy.Symbol, int]
    operands: tuple[Operand, ...]


def lower_call(
    operator: torch._ops.OpOverload,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    device: torch.device,
) -> LoweredCall:
    """Lower one call; raise `NotPointwise` where TorchInductor has no code of its own for it."""
    _check_schema(operator)
    operands: list[Operand] = []
    shape_env = ShapeEnv()
    with _disable_current_modes(), FakeTensorMode(shape_env=shape_env) as mode:
        examples: list[Any] = []

        def example(leaf: Any) -> Any:
            if not isinstance(leaf, (TensorOperand, ScalarOperand)):
                return leaf
            examples.append(_example(shape_env, leaf, len(operands), device))
            operands.append(leaf)
            return _Slot(len(operands) - 1)

        slots, keywords = tree_map(example, (args, dict(kwargs)))

        def call(*values: Any) -> Any:
            positional, named = tree_map(
                lambda leaf: values[leaf.number] if isinstance(leaf, _Slot) else leaf,
                (slots, keywords),
            )
            return operator(*positional, **named)

        module = make_fx(call, decomposition_table=select_decomp_table())(*examples)
        _check_graph(operator, module, shape_env)
        graph = GraphLowering(module, example_inputs=examples, shape_env=shape_env)
        with V.set_graph_handler(graph), V.set_fake_mode(mode):
            try:
                graph.run(*examples)
            except exc.OperatorIssue as error:
                raise NotPointwise(
                    operator, f"TorchInductor does not lower it: {error}"
                ) from error
    names = [node.target for node in module.graph.nodes if node.op == "placeholder"]
    numbered = list(zip(range(len(names)), names, operands, examples, strict=True))
    return LoweredCall(
        graph=graph,
        tensors={name: i for i, name, operand, _ in numbered if isinstance(operand, TensorOperand)},
        symbols={
            value.node.expr: i
            for i, _, operand, value in numbered
            if isinstance(operand, ScalarOperand)
        },
        operands=tuple(operands),
    )


@contextlib.contextmanager
def lowering_context(device: torch.device) -> Iterator[None]:
    """Settings under which text depends on nothing but the call: no GPU, no user configuration."""
    properties = DeviceProperties(
        type=device.type, index=0, multi_processor_count=132, cc=90, major=9, warp_size=32
    )
    settings = {"implicit_fallbacks": False, "use_fast_math": False, "fallback_random": False}
    with (
        mock.patch.object(DeviceProperties, "create", lambda _device: properties),
        inductor_config.patch({key: settings[key] for key in settings if key in _config_keys()}),
    ):
        yield


def _config_keys() -> frozenset[str]:
    return frozenset(inductor_config.to_dict())


@attrs.frozen
class _Slot:
    """The place of operand `number` in the arguments."""

    number: int


def _example(shape_env: ShapeEnv, operand: Operand, number: int, device: torch.device) -> Any:
    if isinstance(operand, TensorOperand):
        return torch.empty(ELEMENTS, dtype=operand.dtype, device=device)
    hint = HINTS[operand.kind]
    source = LocalSource(f"operand{number}")
    symbol = shape_env.create_unspecified_symbol(hint, source, DimDynamic.DYNAMIC)
    if operand.kind == "float":
        return shape_env.create_symfloatnode(symbol, hint=hint, source=source)
    return shape_env.create_symintnode(symbol, hint=hint, source=source)


def _check_schema(operator: torch._ops.OpOverload) -> None:
    if operator._schema.is_mutable:
        raise NotPointwise(operator, "it writes to its arguments")
    if torch.Tag.nondeterministic_seeded in operator.tags:
        raise NotPointwise(operator, "it draws random numbers")
    if len(operator._schema.returns) != 1:
        raise NotPointwise(operator, f"it returns {len(operator._schema.returns)} values")


def _check_graph(
    operator: torch._ops.OpOverload, module: torch.fx.GraphModule, shape_env: ShapeEnv
) -> None:
    """No branch may have been taken by the value of a run-time scalar."""
    del module
    if shape_env.guards:
        conditions = ", ".join(str(guard.expr) for guard in shape_env.guards)
        raise NotPointwise(operator, f"what it computes depends on the scalar's value ({conditions})")
