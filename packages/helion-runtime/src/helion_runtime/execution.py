"""Host logic, carried out on tensors step by step.

In: a checked variant and one call's arguments. Out: the buffers, the launches in their place, and
what the call returns. The same as :mod:`helion_runtime.generate` writes out in a straight line; here
for launches that are not a driver's, and for reading a plan ahead of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from helion_runtime.entries import ReadStep, launch_position, numbers_taken
from helion_runtime.errors import ExpressionError
from helion_runtime.evaluated import DEVICE, Allocation, Call, CallNumber, Reference, View
from helion_runtime.expressions import evaluate
from helion_runtime.plan import ArgumentMetadata, check_reading, evaluate_results, evaluate_variant
from helion_runtime.record import replace
from helion_runtime.results import conform, several
from helion_runtime.undisturbed import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_runtime.entries import VariantEntry
    from helion_runtime.evaluated import EvaluatedLaunch, EvaluatedStep, Read

    Launch: TypeAlias = Callable[
        [EvaluatedLaunch, Mapping[int, torch.Tensor], ArgumentMetadata], None
    ]


def execute(
    variant: VariantEntry, metadata: ArgumentMetadata, device: torch.device, launch: Launch | None
) -> object:
    """Carry ``variant`` out; ``launch(evaluated, buffers, metadata)`` runs a kernel. Returns what the
    variant returns."""
    return undisturbed(_execute, device.type)(variant, metadata, device, launch)


def _execute(
    variant: VariantEntry, metadata: ArgumentMetadata, device: torch.device, launch: Launch | None
) -> object:
    buffers = _tensors(metadata.arguments)
    plan = evaluate_variant(variant, metadata)
    while True:
        _run(plan.steps, buffers, metadata, device)
        for evaluated in plan.launches:
            assert launch is not None, "needed where there are launches"
            launch(evaluated, buffers, metadata)
        _run(plan.after, buffers, metadata, device)
        if plan.read is None:
            assert plan.outputs is not None, "what needs no reading is complete"
            return _build(plan.outputs, buffers, metadata)
        metadata = _with_item(metadata, plan.read, buffers)
        plan = evaluate_variant(variant, metadata, plan.read.number)


def imagine(variant: VariantEntry, metadata: ArgumentMetadata, device: torch.device) -> object:
    """What ``variant``, which reads no numbers from tensors, returns for tensors without data; nothing is launched."""
    buffers = _tensors(metadata.arguments)
    plan = evaluate_results(variant, metadata)
    _run(plan.steps, buffers, metadata, device)
    assert plan.outputs is not None, "nothing is left to read"
    return _build(plan.outputs, buffers, metadata)


def read_ahead(
    variant: VariantEntry, metadata: ArgumentMetadata, device: torch.device
) -> Mapping[int, int | float | bool]:
    """The numbers that ``variant`` reads before it launches anything, by step. Its steps up to the last
    of them are carried out.

    Raises :class:`ReadingError` for a number that it was not compiled for.
    """
    last = _last_read(variant)
    if last is None:
        return metadata.items
    read: Mapping[int, int | float | bool]
    read = undisturbed(_read_up_to, device.type)(variant, metadata, device, last)
    return read


def _read_up_to(
    variant: VariantEntry, metadata: ArgumentMetadata, device: torch.device, last: int
) -> Mapping[int, int | float | bool]:
    buffers = _tensors(metadata.arguments)
    plan = evaluate_variant(variant, metadata)
    while plan.read is not None:
        _run(plan.steps, buffers, metadata, device)
        metadata = _with_item(metadata, plan.read, buffers)
        check_reading(variant, metadata, plan.read.number)
        if plan.read.number == last:
            break
        plan = evaluate_variant(variant, metadata, plan.read.number)
    return metadata.items


def _last_read(variant: VariantEntry) -> int | None:
    """The number of the last read step before the launches."""
    found = None
    number = len(variant.signature)
    for step in variant.steps[: launch_position(variant.steps)]:
        found = number if isinstance(step, ReadStep) else found
        number += numbers_taken(step)
    return found


def _tensors(arguments: Sequence[object]) -> dict[int, torch.Tensor]:
    return {
        position: value
        for position, value in enumerate(arguments)
        if isinstance(value, torch.Tensor)
    }


def _with_item(
    metadata: ArgumentMetadata, read: Read, buffers: Mapping[int, torch.Tensor]
) -> ArgumentMetadata:
    items = {**metadata.items, read.number: buffers[read.buffer].item()}
    return replace(metadata, items=items)


def _run(
    steps: Sequence[EvaluatedStep],
    buffers: dict[int, torch.Tensor],
    metadata: ArgumentMetadata,
    device: torch.device,
) -> None:
    """Add what ``steps`` make to ``buffers``."""
    for step in steps:
        match step:
            case Allocation():
                made = torch.empty_strided(
                    step.sizes, step.strides, dtype=step.dtype, device=device
                )
                buffers[step.buffer] = made if step.fill is None else made.fill_(step.fill)
            case View():
                base = buffers[step.base]
                buffers[step.buffer] = base.as_strided(
                    step.sizes, step.strides, base.storage_offset() + step.offset
                )
            case Call():
                _call(step, buffers, metadata, device)


def _call(
    step: Call,
    buffers: dict[int, torch.Tensor],
    metadata: ArgumentMetadata,
    device: torch.device,
) -> None:
    def argument(value: Any) -> Any:
        match value:
            case Reference():
                return buffers[value.buffer]
            case CallNumber():
                return evaluate(value.expression, metadata)
            case tuple():
                return [argument(item) for item in value]
            case _:
                return device if value is DEVICE else value

    found = step.function(
        *map(argument, step.arguments), **{name: argument(v) for name, v in step.keywords}
    )
    for result, tensor in zip(step.results, several(found, len(step.results)), strict=True):
        buffers[result.buffer] = conform(tensor, result)


def _build(
    tree: tuple[Any, ...], buffers: Mapping[int, torch.Tensor], metadata: ArgumentMetadata
) -> object:
    match tree:
        case ("buffer", int() as number):
            return buffers[number]
        case ("number", CallNumber() as number):
            return evaluate(number.expression, metadata)
        case ("constant", value):
            return value
        case ("tuple", trees):
            return tuple(_build(item, buffers, metadata) for item in trees)
        case ("list", trees):
            return [_build(item, buffers, metadata) for item in trees]
        case ("object", (make, trees)):
            return make([_build(item, buffers, metadata) for item in trees])
        case ("dict", pairs):
            return {name: _build(item, buffers, metadata) for name, item in pairs}
        case _:
            raise ExpressionError(f"not an output tree: {tree!r:.120}")
