"""Atomic operations: lanes of one call that meet the same element change it one after the other, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from helion.exc import AtomicOnDeviceTensor, InvalidAPIUsage
from helion.language import StackTensor
from helion.reference.entries import plain_entries
from helion.reference.selections import select
from helion.reference.stacks import tensors_of
from helion.reference.subscripts import (
    chosen,
    flat_positions,
    shape_of,
    spread,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion.reference.state import ReferenceState

    Operand: TypeAlias = tuple[torch.Tensor, ...]
    Change: TypeAlias = Callable[..., torch.Tensor]

_ORDERS = ("relaxed", "acquire", "release", "acq_rel")


def atomic_add(
    state: ReferenceState, target: Any, index: Any, value: Any, sem: str
) -> torch.Tensor:
    """Sums, each rounded to the target's dtype."""
    return _run(state, "atomic_add", torch.add, target, index, (value,), sem)


def atomic_min(
    state: ReferenceState, target: Any, index: Any, value: Any, sem: str
) -> torch.Tensor:
    """The smaller ones."""
    return _run(state, "atomic_min", torch.minimum, target, index, (value,), sem)


def atomic_max(
    state: ReferenceState, target: Any, index: Any, value: Any, sem: str
) -> torch.Tensor:
    """The larger ones."""
    return _run(state, "atomic_max", torch.maximum, target, index, (value,), sem)


def atomic_xchg(
    state: ReferenceState, target: Any, index: Any, value: Any, sem: str
) -> torch.Tensor:
    """The new ones."""
    return _run(state, "atomic_xchg", lambda _, new: new, target, index, (value,), sem)


def atomic_cas(
    state: ReferenceState, target: Any, index: Any, expected: Any, value: Any, sem: str
) -> torch.Tensor:
    """The new ones where the old ones are as expected."""

    def exchange(old: torch.Tensor, awaited: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        return torch.where(old == awaited, new, old)

    return _run(state, "atomic_cas", exchange, target, index, (expected, value), sem)


def atomic_and(
    state: ReferenceState, target: Any, index: Any, value: Any, sem: str
) -> torch.Tensor:
    """The bits that both have."""
    return _run_on_bits(state, "atomic_and", torch.bitwise_and, target, index, value, sem)


def atomic_or(state: ReferenceState, target: Any, index: Any, value: Any, sem: str) -> torch.Tensor:
    """The bits that one has."""
    return _run_on_bits(state, "atomic_or", torch.bitwise_or, target, index, value, sem)


def atomic_xor(
    state: ReferenceState, target: Any, index: Any, value: Any, sem: str
) -> torch.Tensor:
    """The bits that just one has."""
    return _run_on_bits(state, "atomic_xor", torch.bitwise_xor, target, index, value, sem)


def _run_on_bits(
    state: ReferenceState, name: str, change: Change, target: Any, index: Any, value: Any, sem: str
) -> torch.Tensor:
    if target.dtype.is_floating_point or target.dtype.is_complex:
        raise InvalidAPIUsage(
            function=name,
            problem=f"the target holds {target.dtype}, which has no bits to combine",
            remedy="use a target of integers",
        )
    return _run(state, name, change, target, index, (value,), sem)


def _run(
    state: ReferenceState,
    name: str,
    change: Change,
    target: Any,
    index: Any,
    operands: tuple[Any, ...],
    sem: str,
) -> torch.Tensor:
    """Apply ``change`` to old elements and operands, and return the old elements."""
    if sem not in _ORDERS:
        raise InvalidAPIUsage(
            function=name,
            problem=f"sem={sem!r} is no memory order",
            remedy=f"use one of {', '.join(_ORDERS)}",
        )
    if isinstance(target, StackTensor):
        return _run_on_stack(state, change, target, tuple(index), operands)
    if state.is_value(target):
        raise AtomicOnDeviceTensor(function=name)
    state.note_read(target)
    shape = shape_of(target, tuple(index))
    spread_out = tuple(spread(operand, shape, target) for operand in operands)
    return _update(state, change, target, tuple(index), spread_out)


def _run_on_stack(
    state: ReferenceState,
    change: Change,
    stack: StackTensor,
    index: tuple[Any, ...],
    operands: tuple[Any, ...],
) -> torch.Tensor:
    stacked = tuple(stack.dev_ptrs.shape)
    own_shape = shape_of(stack.tensor_like, index)
    spread_out = [
        spread(operand, (*stacked, *own_shape), stack.tensor_like).reshape(-1, *own_shape)
        for operand in operands
    ]
    old = [
        _update(state, change, tensor, index, own)
        for tensor, *own in zip(tensors_of(state, stack), *spread_out, strict=True)
    ]
    return torch.stack(old).reshape(*stacked, *own_shape)


def _update(
    state: ReferenceState,
    change: Change,
    target: torch.Tensor,
    index: tuple[Any, ...],
    operands: Any,
) -> torch.Tensor:
    state.note_write(target)
    if target.ndim == 0:
        return _update(state, change, target.view(1), (0, *index), operands)
    selection = select(target, plain_entries(target, index))
    places = chosen(selection)
    inside = torch.ones(selection.shape, dtype=torch.bool, device=target.device)
    if selection.inside is not None:
        inside = selection.inside
    lanes = [operand[inside] for operand in operands]
    old = target.new_zeros(places[0].shape)
    for turn in _turns(places, target.shape):
        spot = tuple(place[turn] for place in places)
        old[turn] = target[spot]
        target[spot] = change(old[turn], *(lane[turn] for lane in lanes)).to(target.dtype)
    result = target.new_zeros(selection.shape)
    result[inside] = old
    return result


def _turns(places: tuple[torch.Tensor, ...], shape: torch.Size) -> list[torch.Tensor]:
    """Lanes in groups that meet no element twice: the first lanes of all elements, then the second ones, and so on."""
    flat = flat_positions(places, shape)
    if flat.numel() == 0:
        return []
    ordered, order = flat.sort(stable=True)
    number = torch.arange(flat.numel(), device=flat.device)
    first = torch.ones_like(ordered, dtype=torch.bool)
    first[1:] = ordered[1:] != ordered[:-1]
    start = torch.where(first, number, 0).cummax(0).values
    turn = torch.empty_like(number)
    turn[order] = number - start
    return [(turn == one).nonzero().squeeze(1) for one in range(int(turn.max()) + 1)]
