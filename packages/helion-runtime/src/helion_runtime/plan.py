"""Host logic, evaluated: allocations, views, calls, grids and scalars of one variant as plain numbers.

In: a checked variant and the metadata of one call. Out: an :class:`EvaluatedVariant`, computed once
per argument signature, or as far as the next number that only the elements of a tensor tell.
:mod:`helion_runtime.execution` carries it out on tensors. Nothing here launches.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from helion_runtime.entries import (
    AllocateStep,
    CallStep,
    DescriptorArgument,
    PointerArgument,
    ReadStep,
    TensorSignature,
    launch_position,
    numbers_taken,
)
from helion_runtime.errors import ExpressionError, GridError, ReadingError
from helion_runtime.evaluated import (
    DEVICE,
    Address,
    Allocation,
    Call,
    CallNumber,
    CallScalar,
    Descriptor,
    EvaluatedLaunch,
    EvaluatedVariant,
    Read,
    Reference,
    Result,
    Scalar,
    View,
)
from helion_runtime.expression_text import describe_expression
from helion_runtime.expressions import evaluate, is_symbol, item_uses
from helion_runtime.host_operators import find_operator
from helion_runtime.open_numbers import deciding_items, open_numbers
from helion_runtime.record import Record
from helion_runtime.scalars import FLOAT_TYPES, packable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_runtime.entries import (
        Expression,
        HostStep,
        LaunchArgument,
        LaunchEntry,
        OutputTree,
        VariantEntry,
    )
    from helion_runtime.evaluated import EvaluatedArgument, EvaluatedStep
    from helion_runtime.expressions import CallMetadata

_MAX_GRID = (2**31 - 1, 65535, 65535)
_MAX_EXTENT = 2**63 - 1
_MAX_OFFSET = 2**48  # bytes; more than any device's memory


NO_ITEMS: Mapping[int, int | float | bool] = MappingProxyType({})
"""Before any number has been read from a tensor."""


class ArgumentMetadata(Record):
    """:class:`~helion_runtime.expressions.CallMetadata` of actual arguments."""

    arguments: Sequence[object]
    count_multiprocessors: Callable[[], int]
    items: Mapping[int, int | float | bool] = NO_ITEMS

    def size(self, argument: int, dimension: int) -> int:
        """The extent of a dimension."""
        return self._tensor(argument).size(dimension)

    def stride(self, argument: int, dimension: int) -> int:
        """The stride of a dimension, in elements."""
        return self._tensor(argument).stride(dimension)

    def argument(self, position: int) -> int | float | bool | str | None:
        """The value of a scalar argument."""
        value = self.arguments[position]
        if value is not None and not (
            isinstance(value, (int, float, bool, str)) or is_symbol(value)
        ):
            raise TypeError(f"argument {position} is a {type(value).__name__}, not a number")
        return value  # type: ignore[return-value]  # a symbol counts as a number

    def sm_count(self) -> int:
        """Streaming multiprocessors of the op's device."""
        return self.count_multiprocessors()

    def item(self, step: int) -> int | float | bool:
        """The number that a read step has taken."""
        return self.items[step]

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
    """Whether every guard of ``variant`` holds, as far as the arguments tell. A guard without a value
    for this call does not hold."""
    try:
        return all(evaluate(guard, metadata) for guard in variant.guard if not item_uses(guard))
    except ExpressionError:
        return False


def evaluate_variant(
    variant: VariantEntry, metadata: CallMetadata, read: int | None = None
) -> EvaluatedVariant:
    """Compute every number of ``variant`` for one call, from the read step numbered ``read`` on, whose
    number ``metadata`` has; up to the next read step.

    Raises :class:`ExpressionError` for an expression without a value, :class:`GridError` for a grid
    that cannot be launched, :class:`ScalarRangeError` for a scalar that does not fit its type,
    :class:`ReadingError` where the number read is one that ``variant`` was not compiled for.
    """
    if read is not None:
        check_reading(variant, metadata, read)
    evaluator = _Evaluator(variant, metadata)
    numbers = _first_numbers(variant)
    begin = 0 if read is None else numbers.index(read) + 1
    launching = launch_position(variant.steps)
    evaluated: list[EvaluatedStep] = []
    for position, (number, step) in enumerate(zip(numbers, variant.steps, strict=True)):
        evaluated.append(evaluator.step(number, step))
        if position >= begin and isinstance(step, ReadStep):
            break
    ends = len(evaluated) == len(variant.steps) and evaluator.complete(evaluated, begin)
    launches: tuple[EvaluatedLaunch, ...] = ()
    if begin <= launching and (launching < len(evaluated) or ends):
        launches = tuple(
            evaluator.launch(number, entry) for number, entry in enumerate(variant.launches)
        )
    return EvaluatedVariant(
        n_arguments=len(variant.signature),
        steps=tuple(evaluated[begin:launching]),
        launches=launches,
        outputs=evaluator.outputs(variant.outputs) if ends else None,
        after=tuple(evaluated[max(begin, launching) :]),
    )


def evaluate_results(variant: VariantEntry, metadata: CallMetadata) -> EvaluatedVariant:
    """What ``variant``, which reads no numbers from tensors, makes and returns for a call, without its launches. Sizes
    may be symbols."""
    evaluator = _Evaluator(variant, metadata)
    numbered = zip(_first_numbers(variant), variant.steps, strict=True)
    return EvaluatedVariant(
        n_arguments=len(variant.signature),
        steps=tuple(evaluator.step(number, step) for number, step in numbered),
        launches=(),
        outputs=evaluator.outputs(variant.outputs),
    )


def _first_numbers(variant: VariantEntry) -> list[int]:
    """The number that each step begins with."""
    number = len(variant.signature)
    numbers = []
    for step in variant.steps:
        numbers.append(number)
        number += numbers_taken(step)
    return numbers


def check_reading(variant: VariantEntry, metadata: CallMetadata, read: int) -> None:
    """Raise :class:`ReadingError` unless the guards hold that ``read`` was the last thing missing
    for."""
    for guard in variant.guard:
        if max(item_uses(guard), default=-1) == read and not evaluate(guard, metadata):
            expected = describe_expression(guard, [f"x{i}" for i in range(len(variant.signature))])
            raise ReadingError(
                f"host code read {metadata.item(read)!r} in step {read}, and this "
                f"variant was compiled for {expected}; build one for such values"
            )


class _Evaluator:
    """Evaluates one variant's parts; knows where each buffer starts and how large its elements are."""

    def __init__(self, variant: VariantEntry, metadata: CallMetadata) -> None:
        self._metadata = metadata
        self._open = open_numbers(variant)
        self._deciding = deciding_items(variant)
        self._roots: dict[int, tuple[int, int]] = {}
        self._itemsizes: dict[int, int] = {}
        for position, item in enumerate(variant.signature):
            if isinstance(item, TensorSignature):
                self._roots[position] = (position, 0)
                self._itemsizes[position] = torch_dtype(item.dtype).itemsize

    def step(self, number: int, step: HostStep) -> EvaluatedStep:
        """One step, whose first number is ``number``."""
        match step:
            case CallStep():
                return self._call(number, step)
            case ReadStep():
                exact = step.kind != "float" or number in self._deciding
                return Read(number, step.buffer, exact, step.again)
        sizes, strides = self._geometry(step.sizes, step.strides, number)
        if isinstance(step, AllocateStep):
            dtype = torch_dtype(step.dtype)
            self._make(number, dtype)
            return Allocation(number, sizes, strides, dtype, step.fill)
        offset = self._integer(step.offset, f"offset of buffer {number}", 0)
        root, start = self._roots[step.buffer]
        itemsize = self._itemsizes[number] = self._itemsizes[step.buffer]
        self._roots[number] = (root, start + offset * itemsize)
        return View(number, step.buffer, sizes, strides, offset)

    @staticmethod
    def complete(evaluated: Sequence[EvaluatedStep], begin: int) -> bool:
        """Whether all of ``evaluated`` can be carried out, from step ``begin`` on, without a pause."""
        return not evaluated[begin:] or not isinstance(evaluated[-1], Read)

    def _call(self, number: int, step: CallStep) -> Call:
        results = []
        for i, result in enumerate(step.results, start=number):
            dtype = torch_dtype(result.dtype)
            self._make(i, dtype)
            results.append(Result(i, *self._geometry(result.sizes, result.strides, i), dtype))
        return Call(
            function=find_operator(step.operator),
            arguments=tuple(map(self._call_argument, step.arguments)),
            keywords=tuple((name, self._call_argument(tree)) for name, tree in step.keywords),
            results=tuple(results),
        )

    def _call_argument(self, tree: Any) -> Any:
        kind, *content = tree
        match kind:
            case "buffer":
                return Reference(int(content[0]))
            case "value":
                return self._number(content[0])
            case "list":
                return tuple(map(self._call_argument, content[0]))
            case "dtype" | "memory_format":
                return getattr(torch, str(content[0]))
            case "device":
                return DEVICE
        raise ExpressionError(f"not an argument of an operator: {tree!r:.120}")

    def _make(self, number: int, dtype: torch.dtype) -> None:
        self._roots[number] = (number, 0)
        self._itemsizes[number] = dtype.itemsize

    def _geometry(
        self, sizes: Sequence[Expression], strides: Sequence[Expression], number: int
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (
            self._integers(sizes, f"sizes of buffer {number}", 0),
            self._integers(strides, f"strides of buffer {number}", 0),
        )

    def _number(self, expression: Any) -> Any:
        """The value of an expression, or what each call has to compute of it."""
        left = self._open.fold(expression, self._metadata)
        return CallNumber(left) if isinstance(left, tuple) else left

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
                number = self._number(expression)
                is_open = isinstance(number, CallNumber)
                return ("number", number) if is_open else ("constant", number)
            case (("tuple" | "list") as kind, trees) if isinstance(trees, (list, tuple)):
                return (kind, tuple(self.outputs(item) for item in trees))
            case ("object", make, trees) if isinstance(trees, (list, tuple)):
                return ("object", (make, tuple(self.outputs(item) for item in trees)))
            case ("dict", pairs) if isinstance(pairs, (list, tuple)):
                return ("dict", tuple((name, self.outputs(item)) for name, item in pairs))
            case _:
                raise ExpressionError(f"not an output tree: {tree!r:.120}")

    def _argument(self, item: LaunchArgument, where: str) -> EvaluatedArgument:
        if isinstance(item, PointerArgument):
            return self._address(item.buffer, item.offset, where)
        if isinstance(item, DescriptorArgument):
            address = self._address(item.buffer, item.offset, where)
            shape = self._integers(item.shape, where, 0)
            return Descriptor(address, item.layout, shape, self._integers(item.strides, where, 0))
        if item.type in FLOAT_TYPES:
            number = self._number(item.value)
            if isinstance(number, CallNumber):
                return CallScalar(item.type, number)
        value = evaluate(item.value, self._metadata)
        return Scalar(item.type, packable(item.type, value, where))

    def _address(self, buffer: int, offset: Expression, where: str) -> Address:
        root, start = self._roots[buffer]
        byte_offset = start + self._integer(offset, where, 0) * self._itemsizes[buffer]
        if byte_offset > _MAX_OFFSET:
            raise ExpressionError(f"{where}: an offset of {byte_offset} bytes leaves every memory")
        return Address(root, byte_offset)

    def _integers(
        self, items: Sequence[Expression], where: str, least: int | None = None
    ) -> tuple[int, ...]:
        return tuple(map(partial(self._integer, where=where, least=least), items))

    def _integer(self, expression: Expression, where: str, least: int | None = None) -> int:
        value: Any = evaluate(expression, self._metadata)
        if is_symbol(value):
            return value  # type: ignore[no-any-return]  # as good as an integer to torch
        if not isinstance(value, int) or abs(value) > _MAX_EXTENT:
            raise ExpressionError(f"{where}: expected a 64-bit integer, found {value!r:.80}")
        if least is not None and value < least:
            raise ExpressionError(f"{where}: expected at least {least}, found {value}")
        return int(value)
