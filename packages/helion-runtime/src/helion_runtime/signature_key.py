"""The key of a call: what of the arguments a prepared call depends on, and the function that looks
it up.

In: how each argument of an op enters the key. Out: the generated function that a call enters, and
the same key in plain Python for the paths where time does not matter.

The key holds everything that changes what a tensor means: its class, dtype, shape, strides, device,
and whether it is lazily negated or conjugated. The index stands for the device: torch has one
accelerator at a time, and the CPU's index is -1. Sparse tensors that have strides, and those that
functorch wraps, have no address: reading it raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch

from helion_runtime.straight_line import factory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ArgumentKind: TypeAlias = Literal["tensor", "value", "exact float", "float", "any"]
"""How an argument enters the key: a tensor by its metadata, a scalar by type and value, a float by
its digits, a float by its type alone, or whichever of these it turns out to be. Only the last asks
whether a tensor is lazily conjugated: complex tensors enter the key that way."""


def generate_call(
    kinds: Sequence[ArgumentKind],
    memo: dict[Any, Callable[..., Any]],
    miss: Callable[..., Callable[..., Any]],
    current_device: Callable[[], int],
) -> Callable[..., Any]:
    """The function that a call enters: builds the key, looks the prepared call up, runs it.

    ``miss(*args)`` returns the prepared call for arguments without one, or raises.
    """
    names = [f"a{i}" for i in range(len(kinds))]
    key = ", ".join(_key_text(kind, name) for kind, name in zip(kinds, names, strict=True))
    if "tensor" not in kinds:
        key += ", current_device()"
    passed = ", ".join(names)
    text = f"""
def make(memo, miss, fields, current_device, absent):
    def call({"".join(name + "=absent, " for name in names)}*more):
        try:
            run = memo[{key},]
        except (KeyError, AttributeError, TypeError, RuntimeError):
            run = miss({passed + ", " if passed else ""}*more)
        else:
            if more:
                run = miss({passed + ", " if passed else ""}*more)
        return run({passed})
    return call
"""
    function: Callable[..., Any] = factory(text)(memo, miss, _fields, current_device, ABSENT)
    return function


class _Absent:
    """Stands for an argument that was not passed."""

    def __repr__(self) -> str:
        return "<not passed>"


ABSENT = _Absent()


def _key_text(kind: ArgumentKind, name: str) -> str:
    match kind:
        case "tensor":
            parts = ("__class__", "dtype", "shape", "stride()", "get_device()", "is_neg()")
            return ", ".join(f"{name}.{part}" for part in parts)
        case "value":
            return f"{name}.__class__, {name}"
        case "exact float":
            return f"{name}.__class__, repr({name})"
        case "float":
            return f"{name}.__class__"
        case _:
            return f"fields({name})"


def argument_fields(kind: ArgumentKind, value: Any) -> tuple[object, ...]:
    """What of one argument enters the key: the same values, in the same order, as the generated
    text."""
    match kind:
        case "tensor":
            place = (value.get_device(), value.is_neg())
            return value.__class__, value.dtype, value.shape, value.stride(), *place
        case "value":
            return value.__class__, value
        case "exact float":
            return value.__class__, repr(value)
        case "float":
            return (value.__class__,)
        case _:
            return (_fields(value),)


def _fields(value: object) -> tuple[object, ...]:
    """The key of an argument that may be a tensor or a scalar."""
    if isinstance(value, torch.Tensor):
        return *argument_fields("tensor", value), value.is_conj()
    return argument_fields("exact float" if isinstance(value, float) else "value", value)
