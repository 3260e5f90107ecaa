"""Which calls skip the split: judged here with tensors that say they are on a GPU."""

from __future__ import annotations

import operator
from types import FunctionType
from typing import Any

import pytest
import torch

from helion_compiler.tracing.arguments import split
from helion_compiler.tracing.shortcuts import Shortcut

SCALE = 2.0


class OnGpu(torch.Tensor):
    """Says that it is on a GPU."""

    is_cuda = True  # type: ignore[assignment]


def gpu(*shape: int) -> torch.Tensor:
    return torch.empty(shape).as_subclass(OnGpu)


def kernel(x: Any, y: Any, z: Any) -> Any:
    return x, y, z, SCALE


def shortcut(args: tuple[Any, ...], constants: tuple[str, ...] = (), function: Any = kernel) -> Any:
    assert isinstance(function, FunctionType)
    call = split(function, ("x", "y", "z"), frozenset(constants), args)
    constant = [name in constants for name in ("x", "y", "z")]
    return Shortcut.of(function, constant, args, call.leaves, dispatcher=None)  # type: ignore[arg-type]


def test_numbers_are_leaves_unless_they_are_constants() -> None:
    x, y = gpu(3), gpu(4)
    plain = shortcut((x, y, 0.5))
    assert plain.takes((y, x, 0.25))
    assert plain.leaves_of((y, x, 0.25)) == (y, x, 0.25)
    fixed = shortcut((x, 0.5, y), ("y",))
    assert fixed.takes((y, 0.5, x))
    assert fixed.leaves_of((y, 0.5, x))[0] is y
    assert len(fixed.leaves_of((y, 0.5, x))) == 2
    for other in (0.25, 1, None, "0.5"):
        assert not fixed.takes((x, other, y))


def test_types_of_constants_are_kept_apart() -> None:
    one = shortcut((gpu(3), 1, torch.float16), ("y",))
    assert one.takes((gpu(3), 1, torch.float16))
    assert not one.takes((gpu(3), True, torch.float16))
    assert not one.takes((gpu(3), 1.0, torch.float16))
    assert not one.takes((gpu(3), 1, torch.bfloat16))


def test_tensors_elsewhere_and_changed_captures_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    x = gpu(3)
    found = shortcut((x, 1, 2))
    assert found.takes((x, 1, 2))
    assert not found.takes((torch.empty(3), 1, 2))
    assert not found.takes((None, 1, 2))
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert not found.takes((x, 1, 2))


@pytest.mark.parametrize(
    "argument",
    [[1], (1, 2), [gpu(3)], {"a": 1}, torch.relu],
    ids=lambda value: type(value).__name__,
)
def test_containers_and_what_others_wrote_are_split(argument: Any) -> None:
    assert shortcut((gpu(3), argument, 1)) is None


def adding(bias: Any, scale: Any = 2) -> Any:
    return lambda value: value * scale + bias


def around(inner: Any, tensor: Any = None) -> Any:
    return lambda value: inner(value) if tensor is None else inner(value) + tensor


def with_global(value: Any) -> Any:
    return value * SCALE


def calling(value: Any) -> Any:
    return with_global(value) + 1


def with_default(number: Any) -> Any:
    return lambda value, own=number: value * own


def with_keyword(number: Any) -> Any:
    return lambda value, *, own=number: value * own


def itself() -> Any:
    def again(value: Any) -> Any:
        return again(value)

    return again


def test_functions_differ_in_the_tensors_they_capture() -> None:
    x, y, bias, other = gpu(3), gpu(4), gpu(5), gpu(6)
    found = shortcut((x, adding(bias), y))
    assert found.takes((y, adding(other), x))
    taken = found.leaves_of((y, adding(other), x))
    assert [leaf.shape for leaf in taken] == [(4,), (6,), (3,)]
    assert taken[1] is other
    inside = shortcut((x, around(adding(bias), other), y))
    assert [leaf.shape for leaf in inside.leaves_of((x, around(adding(y), bias), y))] == [
        (3,),
        (4,),
        (5,),
        (4,),
    ]


FUNCTIONS = {
    "a tensor": adding(gpu(3)),
    "another": adding(gpu(4)),
    "another number": adding(gpu(3), 3),
    "a float": adding(gpu(3), 2.0),
    "a number for the tensor": adding(1),
    "a dtype": adding(torch.float16),
    "a tuple": adding((1, 2)),
    "a list": adding([gpu(3)]),
    "a library's function": adding(torch.relu),
    "another of a library": adding(torch.exp),
    "a function": around(adding(gpu(3))),
    "the same of another tensor": around(adding(gpu(5))),
    "a function and a tensor": around(adding(gpu(3)), gpu(4)),
    "a function of another number": around(adding(gpu(3), 3)),
    "a function without captures": around(with_global),
    "a global": with_global,
    "calling": calling,
    "a default": with_default(2),
    "another default": with_default(3),
    "a float default": with_default(2.0),
    "a tensor default": with_default(gpu(3)),
    "a list default": with_default([2]),
    "another list default": with_default([3]),
    "a tuple default": with_default((1, 2)),
    "a tuple of floats default": with_default((1.0, 2.0)),
    "a keyword": with_keyword(2),
    "another keyword": with_keyword(3),
    "a tensor keyword": with_keyword(gpu(3)),
    "itself": itself(),
    "itself anew": itself(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_shortcut_takes_is_split_alike(name: str) -> None:
    """With any other function, and with functions that are one argument before."""
    x, names = gpu(3), ("x", "y", "z")

    def divided(function: Any) -> Any:
        return split(kernel, names, frozenset(), (x, function, 1))

    found = shortcut((x, FUNCTIONS[name], 1))
    own = divided(FUNCTIONS[name])
    for other, function in FUNCTIONS.items():
        alike = divided(function)
        if found is None or not found.takes((x, function, 1)):
            assert other != name or found is None, "it takes what it was made of"
            continue
        assert alike.static == own.static
        leaves = found.leaves_of((x, function, 1))
        assert len(leaves) == len(alike.leaves)
        assert all(map(operator.is_, leaves, alike.leaves))


def test_most_functions_need_no_split() -> None:
    split_anew = {name for name, one in FUNCTIONS.items() if shortcut((gpu(3), one, 1)) is None}
    assert split_anew == {
        *("a tuple", "a list", "itself", "itself anew"),
        *(name for name in FUNCTIONS if name.endswith(("default", "keyword"))),
    }


def test_functions_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    x, number = gpu(3), 2

    def scaled(value: Any) -> Any:
        return value * number

    found = {function: shortcut((x, function, 1)) for function in (scaled, with_global, calling)}
    assert all(one.takes((x, function, 1)) for function, one in found.items())
    number = 3
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert not any(one.takes((x, function, 1)) for function, one in found.items())
    assert scaled.__closure__ is not None
    del scaled.__closure__[0].cell_contents
    assert not found[scaled].takes((x, scaled, 1))


def test_captures_that_are_leaves_are_split() -> None:
    pair, tensor = (1, 2), gpu(3)

    def with_pair(x: Any, y: Any, z: Any) -> Any:
        return x, y, z, pair

    def with_tensor(x: Any, y: Any, z: Any) -> Any:
        return x, y, z, tensor

    for function in (with_pair, with_tensor):
        assert shortcut((gpu(3), 1, 2), function=function) is None
