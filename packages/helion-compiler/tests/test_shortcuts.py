"""Which calls skip the split: judged here with tensors that say they are on a GPU."""

from __future__ import annotations

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
    "argument", [[1], (1, 2), [gpu(3)], {"a": 1}, kernel], ids=lambda value: type(value).__name__
)
def test_containers_and_functions_are_split(argument: Any) -> None:
    assert shortcut((gpu(3), argument, 1)) is None


def test_captures_that_are_leaves_are_split() -> None:
    pair, tensor = (1, 2), gpu(3)

    def with_pair(x: Any, y: Any, z: Any) -> Any:
        return x, y, z, pair

    def with_tensor(x: Any, y: Any, z: Any) -> Any:
        return x, y, z, tensor

    for function in (with_pair, with_tensor):
        assert shortcut((gpu(3), 1, 2), function=function) is None
