"""The key of a call: what of the arguments a prepared call depends on, and the function that looks
it up.

In: how each argument of an op enters the key. Out: the generated function that a call enters, and
the same key in plain Python for the paths where time does not matter.

Reading metadata through Python takes two thirds of finding a prepared call. So where torch has its own guards, the
signature that comes again and again is recognised by one of these, which asks for no less than the key does.

The key holds everything that changes what a tensor means: its class, dtype, shape, strides, device,
and whether it is lazily negated or conjugated. The index stands for the device: torch has one
accelerator at a time, and the CPU's index is -1. Sparse tensors that have strides, and those that
functorch wraps, have no address: reading it raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch

from helion_runtime.straight_line import factory
from helion_runtime.torch_shortcuts import find_guards, refuse

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
    """The function that a call enters: finds the prepared call, and runs it.

    The latest signature that came twice running is recognised by a guard; any other by its key, which is looked up.
    ``miss(*args)`` returns the prepared call for arguments without one, or raises.
    """
    names = [f"a{i}" for i in range(len(kinds))]
    tensors = [name for kind, name in zip(kinds, names, strict=True) if kind == "tensor"]
    make_guard = find_guards() if tensors else None
    key = "".join(f"{_key_text(kind, name)}, " for kind, name in zip(kinds, names, strict=True))
    if not tensors:
        key += "current_device(), "
    parts = {
        "parameters": "".join(f"{name}=absent, " for name in names),
        "passed": ", ".join(names),
        "missed": "".join(f"{name}, " for name in names),
        "key": key,
        "tensors": ", ".join(tensors),
        "rest": "".join(
            f"{_key_text(kind, name)}, "
            for kind, name in zip(kinds, names, strict=True)
            if kind != "tensor"
        ),
    }
    function: Callable[..., Any] = factory(_CALL.format(**parts))(
        memo, miss, _fields, current_device, ABSENT, make_guard, refuse
    )
    return function


# ``latest`` is replaced whole, so that threads never see parts of two; ``candidate`` was the last to be looked up.
# Without ``guard`` (no tensors, or a torch that has none) every call is looked up.
_CALL = """
def make(memo, miss, fields, current_device, absent, guard, refuse):
    latest = refuse, None, None
    candidate = None
    def call({parameters}*more):
        nonlocal latest, candidate
        check, rest, run = latest
        if check({tensors}) and not more and rest == ({rest}):
            return run({passed})
        try:
            run = memo[{key}]
        except (KeyError, AttributeError, TypeError, RuntimeError):
            run = miss({missed}*more)
        else:
            if more:
                run = miss({missed}*more)
            elif guard is None or candidate is not run:
                candidate = run
            else:
                latest = guard({tensors}), ({rest}), run
        return run({passed})
    return call
"""


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
