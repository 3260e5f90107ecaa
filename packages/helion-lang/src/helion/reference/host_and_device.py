"""What may not cross between the host, where tensors live, and the tile loops, where values do.

Torch does not mind in reference mode, where both are the same; a device does.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import torch

from helion.exc import (
    CannotReadDeviceVariableOnHost,
    DataDependentOutputShapeNotSupported,
    DeviceTensorSubscriptAssignmentNotAllowed,
    HostTensorDirectUsage,
)
from helion.reference.callers import here, name_of
from helion.reference.places import last_return

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from helion.reference.state import ReferenceState

_IN_PLACE = re.compile(
    r"[a-z]\w*[a-z0-9]_|__setitem__"
    r"|__i(?:add|sub|mul|truediv|floordiv|mod|pow|and|or|xor|lshift|rshift)__"
)
_DATA_DEPENDENT = frozenset(
    {"argwhere", "bincount", "masked_select", "nonzero", "unique", "unique_consecutive"}
)
_LOOKS_AT_SHAPE = re.compile(r"\w+_like|new_\w+|__getitem__|__setitem__|__get__|size|stride")
_LOOKS_AT_NUMBERS = frozenset(
    {"__bool__", "__float__", "__index__", "__int__", "__contains__", "item", "tolist"}
)


@functools.lru_cache(maxsize=1024)
def is_in_place(name: str) -> bool:
    """Whether a function of torch writes to its first argument, by its name."""
    return _IN_PLACE.fullmatch(name) is not None


@functools.lru_cache(maxsize=1024)
def _looks_at_shape(name: str) -> bool:
    return _LOOKS_AT_SHAPE.fullmatch(name) is not None


def check_before(state: ReferenceState, name: str, args: tuple[Any, ...]) -> None:
    """Refuse a call of torch by its name and its first argument."""
    if state.depth == 0:
        target = args[0] if args else None
        if isinstance(target, torch.Tensor) and is_in_place(name):
            _note_between(state, changed=state.memory.touched_by_loops(target))
        return
    if name in _DATA_DEPENDENT or (name == "where" and len(args) == 1):
        raise DataDependentOutputShapeNotSupported(operation=f"torch.{name}")
    if not args or not isinstance(args[0], torch.Tensor):
        return
    if name == "__setitem__" and state.is_value(args[0]):
        raise DeviceTensorSubscriptAssignmentNotAllowed(name=name_of(args[0]))
    if name != "__setitem__" and is_in_place(name) and _is_host(state, args[0]):
        raise _direct_usage(name, args[0])


def check_after(
    state: ReferenceState, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> None:
    """Refuse a call of torch that read what it cannot, and remember which results are values."""
    given = list(_tensors((*args, *kwargs.values())))
    results = list(_tensors((result,)))
    hosts = [one for one in given if not state.is_value(one)]
    views = bool(results) and all(any(_share(one, own) for one in hosts) for own in results)
    reads = not views and (bool(results) or name in _LOOKS_AT_NUMBERS)
    if state.depth == 0:
        if reads and not _looks_at_shape(name):
            _check_on_host(state, given)
        return
    if reads and not _looks_at_shape(name):
        for one in given:
            if _is_host(state, one):
                raise _direct_usage(name, one)
    if not views:
        state.add_values(result)


def check_operands(state: ReferenceState, function: str, operands: Any) -> None:
    """Refuse whole tensors of the host where a function of the language takes values."""
    for one in _tensors(operands):
        if _is_host(state, one):
            raise _direct_usage(f"hl.{function}", one)


def check_outputs(
    state: ReferenceState, function: Callable[..., Any], outputs: Iterable[torch.Tensor]
) -> None:
    """Refuse to return values: they only exist inside of their loop."""
    for one in outputs:
        if state.is_value(one):
            span = last_return(function)
            name = (span.text() if span else None) or "result"
            raise CannotReadDeviceVariableOnHost(name=name, span=span)


def _check_on_host(state: ReferenceState, given: list[torch.Tensor]) -> None:
    for one in given:
        if state.is_value(one):
            raise CannotReadDeviceVariableOnHost(name=name_of(one))
        _note_between(state, changed=state.memory.by_loops(one))


def _note_between(state: ReferenceState, *, changed: bool) -> None:
    """Remember the first place where the host depends on the loops before it; it matters if another one follows."""
    if changed and state.memory.between is None:
        state.memory.between = here()


def _is_host(state: ReferenceState, tensor: torch.Tensor) -> bool:
    return tensor.ndim > 0 and not state.is_value(tensor)


def _direct_usage(name: str, tensor: torch.Tensor) -> HostTensorDirectUsage:
    operator = name if "." in name else f"torch.{name.strip('_')}"
    return HostTensorDirectUsage(tensor=name_of(tensor), operator=operator)


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    """The tensors among arguments, those in sequences included."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(value)
        elif isinstance(value, dict):
            yield from _tensors(value.values())


def _share(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
