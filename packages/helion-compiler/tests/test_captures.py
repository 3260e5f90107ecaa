"""What functions capture: when calls may skip the split, and when they may no longer."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import pytest
import torch

import helion.language as hl
from helion_compiler.tracing.captures import Captures

SCALE = 3.0
OFFSETS = torch.arange(3)


def shifted(x: torch.Tensor) -> torch.Tensor:
    return x + SCALE


def scaled(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = shifted(x[tile]) * SCALE
    return out


def with_offsets(x: torch.Tensor) -> torch.Tensor:
    return x + OFFSETS


def calls_with_offsets(x: torch.Tensor) -> torch.Tensor:
    return with_offsets(x)


def plain(x: torch.Tensor) -> torch.Tensor:
    return torch.relu(x)


def calls_itself(x: torch.Tensor, n: int) -> torch.Tensor:
    return calls_itself(x, n - 1) * SCALE if n else x


def of(function: Any) -> Captures | None:
    assert isinstance(function, FunctionType)
    return Captures.of(function)


def test_numbers_are_watched_in_functions_that_are_called_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    captures = of(scaled)
    assert captures is not None
    assert {name for _, name, _ in captures.globals} == {"SCALE", "shifted"}
    assert captures.unchanged()
    with monkeypatch.context() as patched:
        patched.setitem(globals(), "SCALE", 4.0)
        assert not captures.unchanged()
    assert captures.unchanged()
    monkeypatch.setitem(globals(), "shifted", plain)
    assert not captures.unchanged()


@pytest.mark.parametrize("value", [None, "a name", torch.float16, (1, (2.0, None)), 1j])
def test_constants_are_watched(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SCALE", value)
    captures = of(scaled)
    assert captures is not None
    assert captures.unchanged()
    monkeypatch.delitem(globals(), "SCALE")
    assert not captures.unchanged()


def test_a_function_that_captures_nothing_never_changes() -> None:
    captures = of(plain)
    assert captures is not None
    assert (captures.globals, captures.cells) == ((), ())
    assert captures.unchanged()


def test_recursion_ends() -> None:
    captures = of(calls_itself)
    assert captures is not None
    assert captures.unchanged()


@pytest.mark.parametrize("function", [with_offsets, calls_with_offsets])
def test_tensors_are_leaves_of_each_call(function: Any) -> None:
    assert of(function) is None


@pytest.mark.parametrize(
    ("value", "fixed"),
    [
        (2, True),
        (torch.float16, True),
        (plain, True),
        ((1, 2.0), True),
        (OFFSETS, False),
        (with_offsets, False),
        ([1], False),
        ((1, [2]), False),
    ],
)
def test_closures(value: Any, fixed: bool) -> None:
    def kernel(x: torch.Tensor) -> Any:
        return x, value

    captures = of(kernel)
    assert (captures is not None) == fixed
    if captures is not None:
        assert captures.unchanged()
        value = "another"
        assert not captures.unchanged()


def test_an_emptied_cell_has_changed() -> None:
    value = 1

    def kernel(x: torch.Tensor) -> Any:
        return x, value

    captures = of(kernel)
    assert captures is not None
    assert kernel.__closure__ is not None
    del kernel.__closure__[0].cell_contents
    assert not captures.unchanged()
