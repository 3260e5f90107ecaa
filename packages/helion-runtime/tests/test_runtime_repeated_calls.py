"""Calls that come again and again: recognised by a guard, and told from whatever differs in one thing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch

from helion_runtime import signature_key, torch_shortcuts
from helion_runtime.entries import (
    KernelEntry,
    LaunchEntry,
    PointerArgument,
    ScalarArgument,
    ScalarSignature,
    TensorSignature,
    VariantEntry,
)
from helion_runtime.errors import ArgumentCountError, CallError
from helion_runtime.record import replace
from helion_runtime.signature_key import generate_call
from helion_runtime.torch_shortcuts import find_empty, find_guards

Make = Callable[..., Any]
OFTEN = 4  # by then the guard answers


class Looked(dict[Any, Any]):
    """A memo that counts how often it is asked."""

    asked = 0

    def __getitem__(self, key: Any) -> Any:
        self.asked += 1
        return super().__getitem__(key)


def prepared(*kinds: Any) -> tuple[Callable[..., Any], Looked, list[tuple[Any, ...]]]:
    """An entrance whose prepared calls return the arguments that they were prepared for; its memo, and its misses."""
    memo, misses = Looked(), []

    def miss(*args: Any) -> Callable[..., Any]:
        misses.append(args)
        key = [f for kind, arg in zip(kinds, args, strict=True) for f in field(kind, arg)]

        def run(*_passed: Any) -> tuple[Any, ...]:
            return args

        memo[*key,] = run
        return run

    def field(kind: Any, arg: Any) -> tuple[object, ...]:
        return signature_key.argument_fields(kind, arg)

    return generate_call(kinds, memo, miss, lambda: 0), memo, misses


def test_this_torch_has_the_shortcuts() -> None:
    assert find_guards() is not None
    assert find_empty("cpu") is not None


def test_the_guard_answers_in_place_of_the_key() -> None:
    call, memo, misses = prepared("tensor", "tensor")
    for _ in range(10):
        call(torch.zeros(4, 8), torch.zeros(8))
    assert len(misses) == 1
    assert memo.asked == 3, "missed, found, and found twice running"


class Plain(torch.Tensor):
    pass


def others() -> dict[str, torch.Tensor]:
    """Tensors that are unlike ``torch.zeros(4, 8)`` in one thing each."""
    complex_zeros = torch.zeros(4, 8, dtype=torch.complex64)
    with torch.inference_mode():
        inference = torch.zeros(4, 8)
    return {
        "sizes": torch.zeros(4, 9),
        "dimensions": torch.zeros(4, 8, 1),
        "strides": torch.zeros(8, 4).t(),
        "dtype": torch.zeros(4, 8, dtype=torch.int32),
        "device": torch.zeros(4, 8, device="meta"),
        "class": torch.zeros(4, 8).as_subclass(Plain),
        "parameter": torch.nn.Parameter(torch.zeros(4, 8)),
        "gradient": torch.zeros(4, 8, requires_grad=True),
        "negated": torch._neg_view(torch.zeros(4, 8)),
        "imaginary": complex_zeros.conj().imag,
        "inference": inference,
    }


@pytest.mark.parametrize("name", others())
@pytest.mark.parametrize("place", [0, 1])
def test_what_differs_in_one_thing_is_told_apart(name: str, place: int) -> None:
    call, _, _ = prepared("tensor", "tensor")
    usual = (torch.zeros(4, 8), torch.zeros(4, 8))
    for _ in range(OFTEN):
        call(*usual)
    other = list(usual)
    other[place] = others()[name]
    alike = signature_key.argument_fields("tensor", usual[0]) == signature_key.argument_fields(
        "tensor", other[place]
    )
    for _ in range(OFTEN):
        assert (call(*other)[place] is other[place]) != alike
    for _ in range(OFTEN):
        assert call(*usual)[place] is usual[place]


def test_other_modes_have_guards_of_their_own() -> None:
    call, memo, misses = prepared("tensor")
    x = torch.zeros(4)
    for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        with mode():
            for _ in range(OFTEN):
                call(x)
            asked = memo.asked
            call(x)
            assert memo.asked == asked, f"{mode.__name__}: the guard answers"
    assert len(misses) == 1


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("value", [1, 2, True, "1", None]),
        ("exact float", [0.0, -0.0, 1.0, float("nan"), float("inf")]),
        ("any", [1, 1.0, True, -0.0, 0.0, None, torch.zeros(2), torch.zeros(2).double()]),
    ],
)
def test_scalars_are_told_apart(kind: Any, values: list[Any]) -> None:
    call, _, misses = prepared("tensor", kind, "float")
    x = torch.zeros(4)
    for first, second in itertools.permutations(values, 2):
        for value in (first, first, first, second, first):
            found = call(x, value, 0.5)[1]
            assert found is value
    assert len(misses) == len(values)
    call(x, values[0], 0.25)
    assert len(misses) == len(values), "floats that decide nothing"


def test_too_few_and_too_many_arguments_miss_whenever_they_come(make_op: Make) -> None:
    op = make_op()
    x = torch.zeros(4, 8)
    for _ in range(OFTEN):
        op.call(x, x)
    for wrong in ((), (x,), (x, x, x)):
        with pytest.raises(ArgumentCountError):
            op.call(*wrong)
    with pytest.raises(CallError):
        op.call(x, 3)


def test_signatures_in_turn_are_told_apart(make_op: Make) -> None:
    op = make_op()
    shapes = [(4, 8), (8, 4), (1, 1), (64, 33)]
    for shape in (*shapes * OFTEN, *[shape for shape in shapes for _ in range(OFTEN)]):
        x = torch.zeros(shape)
        out = op.call(x, x)
        assert out.shape == shape
        assert op.number(2) == out.data_ptr()
        assert op.number(3) == out.numel()


def test_threads_with_other_signatures_never_meet() -> None:
    call, _, _ = prepared("tensor", "value")
    wrong: list[Any] = []

    def work(rows: int) -> None:
        x = torch.zeros(rows, 8)
        for turn in range(3000):
            found, number = call(x, turn // 7 % 3)
            if found.shape != x.shape or number != turn // 7 % 3:
                wrong.append((rows, found.shape, number))

    threads = [threading.Thread(target=work, args=(rows,)) for rows in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_without_the_shortcuts_calls_give_the_same(
    make_op: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_shortcuts, "_private", lambda name: None)
    find_guards.cache_clear()
    find_empty.cache_clear()
    try:
        op = make_op()
        x = torch.zeros(4, 8)
        for _ in range(OFTEN):
            out = op.call(x, x)
            assert (out.shape, op.number(2)) == ((4, 8), out.data_ptr())
    finally:
        find_guards.cache_clear()
        find_empty.cache_clear()


def test_a_variant_for_numbers_serves_what_is_recognised(make_op: Make) -> None:
    entry = KernelEntry("k", "k", "0" * 64, "sm_90a", ("pointer", "i32"), 4, 0)
    arguments = (PointerArgument(0), ScalarArgument("i32", ["argument", 1]))
    launch = LaunchEntry("k", (1, 1, 1), arguments)
    signature = (TensorSignature("float32", 1), ScalarSignature("int"))
    op = make_op(VariantEntry(signature, (), (), (), (launch,), ["none"]), entry)
    x = torch.zeros(4)
    for number in (3, 3, 3, 3, 4, 4, 4, 4, 3):
        op.call(x, number)
        assert op.number(1) == number


def test_what_is_not_aligned_is_seen_behind_the_guard(make_op: Make) -> None:
    op = make_op()
    aligned_op, x = op.call, torch.zeros(4 * 8 + 1)
    for _ in range(OFTEN):
        aligned_op(x[:32].view(4, 8), x[:32].view(4, 8))
    with pytest.raises(CallError, match="no variant left"):
        aligned_op(x[1:].view(4, 8), x[:32].view(4, 8))
    replaced = make_op(replace(op.call.variants[0], aligned=()))
    assert replaced.call(x[1:].view(4, 8), x[:32].view(4, 8)).shape == (4, 8)
