"""Host logic, evaluated: allocations, views, grids and scalars of one variant as plain numbers.

In: a checked variant and the metadata of one call. Out: an :class:`EvaluatedVariant`, computed once
per argument signature; :func:`run_steps` and :func:`build_outputs` carry it out on tensors. Nothing
here launches.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs
import torch

from helion_runtime.entries import (
    AllocateStep,
    DescriptorArgument,
    PointerArgument,
    ScalarSignature,
    TensorSignature,
)
from helion_runtime.errors import ExpressionError, GridError
from helion_runtime.evaluated import (
    Address,
    Allocation,
    CallScalar,
    Descriptor,
    EvaluatedLaunch,
    EvaluatedVariant,
    Scalar,
    View,
)
from helion_runtime.expressions import evaluate
from helion_runtime.scalars import FLOAT_TYPES, packable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_runtime.entries import (
        Expression,
        LaunchArgument,
        LaunchEntry,
        OutputTree,
        VariantEntry,
        ViewStep,
    )
    from helion_runtime.evaluated import EvaluatedArgument
    from helion_runtime.expressions import CallMetadata

_MAX_GRID = (2**31 - 1, 65535, 65535)
_MAX_EXTENT = 2**63 - 1
_MAX_OFFSET = 2**48  # bytes; more than any device's memory


@attrs.frozen
class ArgumentMetadata:
    """:class:`~helion_runtime.expressions.CallMetadata` of actual arguments."""

    arguments: Sequence[object]
    count_multiprocessors: Callable[[], int]

    def size(self, argument: int, dimension: int) -> int:
        """The extent of a dimension."""
        return self._tensor(argument).size(dimension)

    def stride(self, argument: int, dimension: int) -> int:
        """The stride of a dimension, in elements."""
        return self._tensor(argument).stride(dimension)

    def argument(self, position: int) -> int | float | bool | str | None:
        """The value of a scalar argument."""
        value = self.arguments[position]
        if value is not None and not isinstance(value, (int, float, bool, str)):
            raise TypeError(f"argument {position} is a {type(value).__name__}, not a number")
        return value

    def sm_count(self) -> int:
        """Streaming multiprocessors of the op's device."""
        return self.count_multiprocessors()

    def _tensor(self, argument: int) -> torch.Tensor:
        value = self.arguments[argument]
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"argument {argument} is a {type(value).__name__}, not a tensor")
        return value


def torch_dtype(name: str) -> torch.dtype:
    """The dtype that torch prints as ``torch.<name>``."""
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise ExpressionError(f"torch {torch.__version__} has no dtype {name!r}")
    return dtype


def serves(variant: VariantEntry, metadata: CallMetadata) -> bool:
    """Whether every guard of ``variant`` holds. A guard without a value for this call does not
    hold."""
    try:
        return all(evaluate(guard, metadata) for guard in variant.guard)
    except ExpressionError:
        return False


def evaluate_variant(variant: VariantEntry, metadata: CallMetadata) -> EvaluatedVariant:
    """Compute every number of ``variant`` for one call.

    Raises :class:`ExpressionError` for an expression without a value, :class:`GridError` for a grid
    that cannot be launched, :class:`ScalarRangeError` for a scalar that does not fit its type.
    """
    evaluator = _Evaluator(variant, metadata)
    first = len(variant.signature)
    steps = tuple(evaluator.step(first + i, step) for i, step in enumerate(variant.steps))
    launches = tuple(
        evaluator.launch(number, entry) for number, entry in enumerate(variant.launches)
    )
    outputs = evaluator.outputs(variant.outputs)
    return EvaluatedVariant(first, steps, launches, outputs)


def run_steps(
    plan: EvaluatedVariant, arguments: Sequence[object], device: torch.device
) -> dict[int, torch.Tensor]:
    """Make every buffer of ``plan``: the tensor arguments under their positions, then the steps'
    buffers."""
    buffers = {
        position: value
        for position, value in enumerate(arguments)
        if isinstance(value, torch.Tensor)
    }
    for step in plan.steps:
        if isinstance(step, View):
            base = buffers[step.base]
            buffers[step.buffer] = base.as_strided(
                step.sizes, step.strides, base.storage_offset() + step.offset
            )
            continue
        buffer = torch.empty_strided(step.sizes, step.strides, dtype=step.dtype, device=device)
        buffers[step.buffer] = buffer if step.fill is None else buffer.fill_(step.fill)
    return buffers


def build_outputs(
    plan: EvaluatedVariant, buffers: Mapping[int, torch.Tensor], arguments: Sequence[object]
) -> object:
    """What the call returns: the output tree with tensors and values in place."""
    return _build(plan.outputs, buffers, arguments)


def _build(
    tree: tuple[object, ...], buffers: Mapping[int, torch.Tensor], arguments: Sequence[object]
) -> object:
    match tree:
        case ("buffer", int() as number):
            return buffers[number]
        case ("argument", int() as position):
            return arguments[position]
        case ("constant", value):
            return value
        case ("tuple", tuple() as trees):
            return tuple(_build(item, buffers, arguments) for item in trees)
        case ("list", tuple() as trees):
            return [_build(item, buffers, arguments) for item in trees]
        case _:
            raise ExpressionError(f"not an output tree: {tree!r:.120}")


class _Evaluator:
    """Evaluates one variant's parts; knows where each buffer starts and how large its elements are."""

    def __init__(self, variant: VariantEntry, metadata: CallMetadata) -> None:
        self._variant = variant
        self._metadata = metadata
        self._roots: dict[int, tuple[int, int]] = {}
        self._itemsizes: dict[int, int] = {}
        for position, item in enumerate(variant.signature):
            if isinstance(item, TensorSignature):
                self._roots[position] = (position, 0)
                self._itemsizes[position] = torch_dtype(item.dtype).itemsize

    def step(self, number: int, step: AllocateStep | ViewStep) -> Allocation | View:
        sizes = self._integers(step.sizes, f"sizes of buffer {number}", 0)
        strides = self._integers(step.strides, f"strides of buffer {number}", 0)
        if isinstance(step, AllocateStep):
            dtype = torch_dtype(step.dtype)
            self._roots[number] = (number, 0)
            self._itemsizes[number] = dtype.itemsize
            return Allocation(number, sizes, strides, dtype, step.fill)
        offset = self._integer(step.offset, f"offset of buffer {number}", 0)
        root, start = self._roots[step.buffer]
        itemsize = self._itemsizes[number] = self._itemsizes[step.buffer]
        self._roots[number] = (root, start + offset * itemsize)
        return View(number, step.buffer, sizes, strides, offset)

    def launch(self, number: int, entry: LaunchEntry) -> EvaluatedLaunch:
        grid = tuple(self._integer(item, f"grid of launch {number}") for item in entry.grid)
        for extent, limit in zip(grid, _MAX_GRID, strict=True):
            if not 0 <= extent <= limit:
                raise GridError(
                    f"launch {number} of kernel {entry.kernel!r}: expected a grid of at most {_MAX_GRID} "
                    f"programs, found {grid}"
                )
        arguments = tuple(
            self._argument(item, f"launch {number}, argument {position}")
            for position, item in enumerate(entry.arguments)
        )
        return EvaluatedLaunch(entry.kernel, (grid[0], grid[1], grid[2]), arguments)

    def outputs(self, tree: OutputTree) -> tuple[object, ...]:
        match tuple(tree):
            case ("buffer", number):
                return ("buffer", number)
            case ("none",):
                return ("constant", None)
            case ("value", expression):
                position = self._argument_position(expression)
                if position is not None:
                    return ("argument", position)
                return ("constant", evaluate(expression, self._metadata))
            case (("tuple" | "list") as kind, trees) if isinstance(trees, (list, tuple)):
                return (kind, tuple(self.outputs(item) for item in trees))
            case _:
                raise ExpressionError(f"not an output tree: {tree!r:.120}")

    def _argument(self, item: LaunchArgument, where: str) -> EvaluatedArgument:
        if isinstance(item, PointerArgument):
            return self._address(item.buffer, item.offset, where)
        if isinstance(item, DescriptorArgument):
            address = self._address(item.buffer, item.offset, where)
            shape = self._integers(item.shape, where, 0)
            return Descriptor(address, item.layout, shape, self._integers(item.strides, where, 0))
        position = self._argument_position(item.value)
        if position is not None and item.type in FLOAT_TYPES and self._is_free_float(position):
            return CallScalar(item.type, position)
        value = evaluate(item.value, self._metadata)
        return Scalar(item.type, packable(item.type, value, where))

    def _address(self, buffer: int, offset: Expression, where: str) -> Address:
        root, start = self._roots[buffer]
        byte_offset = start + self._integer(offset, where, 0) * self._itemsizes[buffer]
        if byte_offset > _MAX_OFFSET:
            raise ExpressionError(f"{where}: an offset of {byte_offset} bytes leaves every memory")
        return Address(root, byte_offset)

    def _is_free_float(self, position: int) -> bool:
        item = self._variant.signature[position]
        return isinstance(item, ScalarSignature) and item.kind == "float" and not item.constant

    @staticmethod
    def _argument_position(expression: object) -> int | None:
        """The position, where the expression is exactly ``["argument", position]``."""
        if isinstance(expression, (list, tuple)) and expression[0] == "argument":
            return int(expression[1])
        return None

    def _integers(
        self, items: Sequence[Expression], where: str, least: int | None = None
    ) -> tuple[int, ...]:
        return tuple(map(partial(self._integer, where=where, least=least), items))

    def _integer(self, expression: Expression, where: str, least: int | None = None) -> int:
        value = evaluate(expression, self._metadata)
        if not isinstance(value, int) or abs(value) > _MAX_EXTENT:
            raise ExpressionError(f"{where}: expected a 64-bit integer, found {value!r:.80}")
        if least is not None and value < least:
            raise ExpressionError(f"{where}: expected at least {least}, found {value}")
        return int(value)
