"""Write device code down: each ATen call on tiles becomes an op of the current block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import attrs
import torch

from helion import exc
from helion_compiler.program.ops import Block, Full, Op, Pointwise, Range
from helion_compiler.program.types import Axis, BlockSize, Value
from helion_compiler.torch_bridge.decompositions import decomposition_table
from helion_compiler.torch_bridge.symbolic import is_composite
from helion_compiler.tracing.in_place import record_in_place
from helion_compiler.tracing.location import here, location

if TYPE_CHECKING:
    from helion_compiler.program.types import Size
    from helion_compiler.tracing.state import Trace
    from helion_compiler.tracing.tiles import TracedTile


class Rule(Protocol):
    """Records one ATen operator; returns the fake result."""

    def __call__(
        self, recorder: DeviceRecorder, operator: Any, *args: Any, **kwargs: Any
    ) -> Any: ...


class DeviceRecorder:
    """Builds blocks of ops. Blocks nest: a loop's body is recorded while its own block is open."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.blocks: list[BlockSize] = []
        self.axes: list[Axis] = []
        self._open: list[list[Op]] = []
        self._names: dict[str, int] = {}

    # Blocks and axes.

    def open_block(self, axes: tuple[Axis, ...]) -> None:
        """Start a block inside a loop over ``axes``."""
        self._open.append([])
        self.axes.extend(axes)

    def close_block(self, axes: tuple[Axis, ...], yields: tuple[Value, ...]) -> Block:
        """End the innermost block."""
        del self.axes[len(self.axes) - len(axes) :]
        return Block(ops=tuple(self._open.pop()), yields=yields)

    @property
    def depth(self) -> int:
        """How many blocks are open."""
        return len(self._open)

    def append(self, op: Op) -> None:
        """Add an op to the innermost block."""
        self._open[-1].append(op)

    def new_block_size(
        self, name: str, size_hint: int, **bounds: Any
    ) -> tuple[BlockSize, torch.SymInt]:
        """A new entry of ``block_sizes``."""
        size = self.trace.symbols.block_symbol()
        symbol = self.trace.symbols.expression(size)
        block = BlockSize(
            index=len(self.blocks),
            name=self.unique(name),
            symbol=symbol,
            size_hint=size_hint,
            **bounds,
        )
        self.blocks.append(block)
        return block, size

    def unique(self, name: str) -> str:
        """``name``, numbered from its second use on. Stable for a given source."""
        count = self._names[name] = self._names.get(name, -1) + 1
        return name if count == 0 else f"{name}_{count}"

    # Results.

    def result(self, tensor: torch.Tensor, name: str) -> Value:
        """A new value for ``tensor``."""
        return self.trace.new_value(tensor, name)

    def fake(self, sizes: tuple[Size, ...], dtype: torch.dtype) -> torch.Tensor:
        """A fake tensor on the kernel's device."""
        return self.trace.fake(sizes, dtype)

    def full(self, sizes: tuple[Size, ...], fill: Any, dtype: torch.dtype) -> torch.Tensor:
        """A tile of one number."""
        tensor = self.fake(sizes, dtype)
        if isinstance(fill, torch.SymInt):
            fill = self.trace.symbols.expression(fill)
        elif not dtype.is_floating_point:
            fill = bool(fill) if dtype is torch.bool else int(fill)
        else:
            fill = float(fill)
        self.append(Full(result=self.result(tensor, "full"), fill=fill, location=location()))
        return tensor

    def tile_index(self, tile: TracedTile) -> torch.Tensor:
        """``tile.index``."""
        tensor = self.fake((tile.axis.size,), torch.int32)
        value = self.result(tensor, "index")
        self.append(Range(result=value, axis=tile.axis, location=location()))
        return tensor if isinstance(tile.shift, int) and tile.shift == 0 else tensor + tile.shift

    # Operators.

    def record(self, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One ATen call on the device."""
        if operator.namespace == "prim":  # questions about a tensor, such as its device
            with self.trace.fake_mode:
                return operator(*args, **kwargs)
        if operator._schema.is_mutable:
            return record_in_place(self, operator, args, kwargs)
        if operator._schema.name == "aten::_local_scalar_dense":
            raise exc.StatementNotSupported(
                span=here(),
                statement="a value of the device as a Python number or condition",
                remedy="choose with `torch.where(condition, a, b)`, or store the value into a tensor",
            )
        rule = RULES.get(operator._schema.name)
        if rule is not None:
            return rule(self, operator, *args, **kwargs)
        decomposition = decomposition_table().get(operator)
        if decomposition is not None:
            with self.trace.listening():
                result = decomposition(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if is_composite(operator):
            with self.trace.listening():
                return operator.decompose(*args, **kwargs)
        return self.pointwise(operator, args, kwargs)

    def pointwise(
        self, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> torch.Tensor:
        """An operator that works lane by lane, as TorchInductor will tell when it is emitted."""
        try:
            with self.trace.fake_mode:
                result = operator(*args, **kwargs)
        except (RuntimeError, IndexError, TypeError) as error:
            raise self.shape_error(operator, args, error) from error
        if not isinstance(result, torch.Tensor):
            raise exc.UnsupportedOperator(
                span=here(), operator=str(operator), reason="it has several results or none"
            )
        self._check_lanes(operator, result)
        recorded = Pointwise(
            result=self.result(
                result, operator._schema.name.removeprefix("aten::").removeprefix("prims::")
            ),
            operator=operator,
            args=tuple(self.operand(argument) for argument in args),
            kwargs={name: self.operand(argument) for name, argument in kwargs.items()},
            location=location(),
        )
        self.append(recorded)
        return result

    def _check_lanes(self, operator: Any, result: torch.Tensor) -> None:
        """Refuse what no lane-by-lane operator does: make complex numbers, or ask how many lanes a tile has."""
        reason = None
        if result.dtype.is_complex:
            reason = "it gives complex numbers, which Triton does not have"
        elif any(size != 1 and not self._is_size(size) for size in self.trace.sizes_of(result)):
            reason = "its result depends on how many lanes a tile has"
        if reason is not None:
            raise exc.UnsupportedOperator(span=here(), operator=str(operator), reason=reason)

    def _is_size(self, size: Size) -> bool:
        """Whether values may have dimensions of this size; the example size of a tile is none."""
        return self.trace.symbols.is_block(size) or not self.trace.symbols.is_block_hint(size)

    def operand(self, argument: Any) -> Any:
        """An argument of an ATen call as a Program holds it."""
        if isinstance(argument, torch.Tensor):
            return self.trace.value_of(argument)
        if isinstance(argument, torch.SymInt):
            return self.trace.symbols.expression(argument)
        if isinstance(argument, list | tuple):
            return tuple(self.operand(item) for item in argument)
        return argument

    def shape_error(
        self, operator: Any, args: tuple[Any, ...], error: Exception
    ) -> exc.HelionError:
        """What went wrong when torch itself refused the operands."""
        shapes = [
            self.describe(argument) for argument in args if isinstance(argument, torch.Tensor)
        ]
        name = operator._schema.name.removeprefix("aten::")
        return exc.ShapeMismatch(
            span=here(),
            operation=f"torch.{name}",
            reason=f"{' and '.join(shapes)} do not fit",
            notes=(str(error),),
        )

    def describe(self, tensor: torch.Tensor) -> str:
        """A shape in the author's words: tiles by their names."""
        names = {block.symbol: block.name for block in self.blocks}
        sizes = self.trace.sizes_of(tensor)
        return "[" + ", ".join(str(names.get(size, size)) for size in sizes) + "]"


@attrs.frozen
class _Registration:
    names: tuple[str, ...]

    def __call__(self, rule: Rule) -> Rule:
        for name in self.names:
            RULES[f"aten::{name}"] = rule
        return rule


RULES: dict[str, Rule] = {}


def rule_for(*names: str) -> _Registration:
    """Register a recording rule for ATen operators, by name without overload."""
    return _Registration(names)
