"""Open numbers: floats of a call that a prepared call does not remember, because nothing but results
depend on them.

A float argument, or a float read from a tensor, may be passed on to kernels and operators and may be
returned; expressions of such floats are computed on each call. Only where one decides something else,
a guard, a size, a grid, does its value enter the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.entries import (
    AllocateStep,
    CallStep,
    DescriptorArgument,
    PointerArgument,
    ReadStep,
    ScalarSignature,
    ViewStep,
    numbers_taken,
)
from helion_runtime.expressions import ARGUMENT_NODES, argument_uses, evaluate, item_uses
from helion_runtime.record import Record
from helion_runtime.scalars import FLOAT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion_runtime.entries import Expression, VariantEntry
    from helion_runtime.expressions import CallMetadata


class OpenNumbers(Record):
    """The floats of one variant that each call looks at anew: by argument, and by read step."""

    arguments: frozenset[int]
    items: frozenset[int]

    def fold(self, expression: Expression, metadata: CallMetadata) -> Any:
        """``expression`` with everything that is not open as its value; a tuple where some of it is."""
        if not self._reads(expression):
            return evaluate(expression, metadata)
        assert isinstance(expression, (list, tuple))
        if expression[0] in ARGUMENT_NODES:
            return tuple(expression)
        return (expression[0], *(self.fold(operand, metadata) for operand in expression[1:]))

    def _reads(self, expression: Expression) -> bool:
        return not (
            self.arguments.isdisjoint(argument_uses(expression))
            and self.items.isdisjoint(item_uses(expression))
        )


def open_numbers(variant: VariantEntry) -> OpenNumbers:
    """The open numbers of a variant."""
    arguments = frozenset(
        position
        for position, item in enumerate(variant.signature)
        if isinstance(item, ScalarSignature) and item.kind == "float" and not item.constant
    )
    items = set()
    number = len(variant.signature)
    for step in variant.steps:
        if isinstance(step, ReadStep) and step.kind == "float":
            items.add(number)
        number += numbers_taken(step)
    return OpenNumbers(arguments, frozenset(items))


def deciding_arguments(variant: VariantEntry) -> set[int]:
    """Positions of the arguments whose value decides more than numbers that are computed on each
    call."""
    return set().union(*(argument_uses(item) for item in _deciding_expressions(variant)))


def deciding_items(variant: VariantEntry) -> set[int]:
    """The read steps whose value decides more than numbers that are computed on each call."""
    return set().union(*(item_uses(item) for item in _deciding_expressions(variant)))


def _deciding_expressions(variant: VariantEntry) -> Iterator[object]:
    yield from variant.guard
    for step in variant.steps:
        if isinstance(step, (AllocateStep, ViewStep)):
            yield from (*step.sizes, *step.strides)
        if isinstance(step, ViewStep):
            yield step.offset
        if isinstance(step, CallStep):
            for result in step.results:
                yield from (*result.sizes, *result.strides)
    for launch in variant.launches:
        yield from launch.grid
        for argument in launch.arguments:
            if isinstance(argument, PointerArgument):
                yield argument.offset
            elif isinstance(argument, DescriptorArgument):
                yield from (*argument.shape, *argument.strides, argument.offset)
            elif argument.type not in FLOAT_TYPES:
                yield argument.value
