"""Containers of tensors as arguments and results: lists, tuples, named tuples, dicts, dataclasses, attrs classes."""

from __future__ import annotations

import dataclasses
import enum
from collections import OrderedDict
from typing import Any, NamedTuple

import attrs
import pytest
import torch

import helion
import helion.language as hl
from helion import reference
from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.bundling.portable_outputs import portable_outputs


class Pair(NamedTuple):
    left: torch.Tensor
    right: torch.Tensor


class Mode(enum.Enum):
    PLAIN = 1
    DOUBLED = 2


@dataclasses.dataclass
class Weights:
    scale: torch.Tensor
    shift: float = 0.5
    rows: int = 4
    made: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.made.append("made")

    def shifted(self, value: torch.Tensor) -> torch.Tensor:
        return value + self.shift


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    inner: Weights
    mode: Mode = Mode.PLAIN


@attrs.frozen
class Options:
    bias: torch.Tensor | None
    names: tuple[str, ...] = ("a", "b")


def specializations(kernel: Any) -> int:
    return sum(len(family.bound) for family in kernel._implementation._families.values())


def run_both(function: Any, *arguments: Any) -> tuple[Any, Any, Any]:
    kernel = helion.kernel()(function)
    return kernel, kernel(*arguments), reference.run(function, arguments).outputs


def test_arguments_in_containers() -> None:
    def kernel(
        pair: Pair, tensors: dict[str, Any], weights: Frozen, options: Options
    ) -> torch.Tensor:
        out = torch.empty_like(pair.left)
        scale = weights.inner.scale
        for tile in hl.tile(out.size()):
            value = weights.inner.shifted(pair.left[tile] * pair.right[tile])
            for name in options.names:
                value = value + tensors[name][tile]
            if options.bias is not None:
                value = value + options.bias[tile]
            if weights.mode is Mode.DOUBLED:
                value = value * 2
            out[tile] = value * scale[tile]
        return out[: weights.inner.rows]

    def arguments(mode: Mode, bias: torch.Tensor | None, shift: float) -> tuple[Any, ...]:
        tensors = {"a": torch.randn(5, 3), "b": torch.randn(5, 3), "unused": 3}
        weights = Frozen(Weights(torch.randn(5, 3), shift), mode)
        return Pair(torch.randn(5, 3), torch.randn(5, 3)), tensors, weights, Options(bias)

    made = helion.kernel()(kernel)
    for mode in Mode:
        for bias in (None, torch.randn(5, 3)):
            for shift in (0.5, 1.5):
                call = arguments(mode, bias, shift)
                torch.testing.assert_close(made(*call), reference.run(kernel, call).outputs)
                assert call[2].inner.made == ["made"]
    assert specializations(made) == 4  # of two modes, with and without a bias


def test_other_keys_and_classes_are_other_specializations() -> None:
    def kernel(xs: Any) -> torch.Tensor:
        tensors = list(xs.values()) if isinstance(xs, dict) else list(xs)
        out = torch.empty_like(tensors[0])
        for tile in hl.tile(out.size()):
            out[tile] = tensors[0][tile] - tensors[1][tile]
        return out

    made = helion.kernel()(kernel)
    x, y = torch.randn(4), torch.randn(4)
    for xs in ({"a": x, "b": y}, {"b": x, "a": y}, OrderedDict(a=x, b=y), [x, y], Pair(x, y)):
        for _ in range(2):
            torch.testing.assert_close(made(xs), x - y)
    assert specializations(made) == 5


def test_results_in_containers() -> None:
    def kernel(x: torch.Tensor) -> Any:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] * 2
        by_number = {1: out, "name": [x.size(0)]}
        largest = out.max(1)
        return Pair(out, out.t()), Weights(out, 2.5, 7), Options(None), by_number, largest

    x = torch.randn(4, 3)
    _, found, expected = run_both(kernel, x)
    assert list(map(type, found)) == list(map(type, expected))
    pair, weights, options, by_number, largest = found
    torch.testing.assert_close(pair.right, expected[0].right)
    torch.testing.assert_close(weights.scale, x * 2)
    assert (weights.shift, weights.rows, weights.made) == (2.5, 7, ["made"])
    assert options == Options(None)
    assert list(by_number) == [1, "name"]
    assert by_number["name"] == [4]
    torch.testing.assert_close(largest.values, expected[4].values)


def test_an_argument_is_returned_in_its_container() -> None:
    def kernel(weights: Weights) -> Any:
        for tile in hl.tile(weights.scale.size()):
            weights.scale[tile] += weights.shift
        return weights, {"scale": weights.scale}

    made = helion.kernel()(kernel)
    for shift in (1.0, 2.0):
        weights = Weights(torch.zeros(3), shift)
        found, named = made(weights)
        assert found.scale is weights.scale
        assert named["scale"] is weights.scale
        assert weights.scale.tolist() == [shift] * 3


@pytest.mark.parametrize(
    "change",
    [
        lambda xs: xs.update(c=xs["a"] * 2),
        lambda xs: xs.pop("b"),
        lambda xs: xs.update(a=xs["b"]),
        lambda xs: xs["d"].append(1),
    ],
)
def test_containers_that_are_passed_stay_as_they_are(change: Any) -> None:
    def kernel(xs: dict[str, Any]) -> torch.Tensor:
        change(xs)
        out = torch.empty_like(xs["a"])
        for tile in hl.tile(out.size()):
            out[tile] = xs["a"][tile]
        return out

    with pytest.raises(helion.exc.StatementNotSupported, match="a container that was passed"):
        helion.kernel()(kernel)({"a": torch.zeros(3), "b": torch.zeros(3), "d": []})


def test_objects_of_other_classes_are_refused_by_name() -> None:
    def kernel(x: torch.Tensor, weights: Any) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(out.size()):
            out[tile] = x[tile]
        return out

    with pytest.raises(helion.exc.TracedArgNotSupported, match=r"weights\.shift"):
        helion.kernel()(kernel)(torch.zeros(3), Weights(torch.zeros(3), shift=object()))  # type: ignore[arg-type]  # what is refused
    with pytest.raises(helion.exc.TracedArgNotSupported, match="Linear"):
        helion.kernel()(kernel)(torch.zeros(3), torch.nn.Linear(2, 2))


def test_bundles_hold_tuples_and_dicts_but_no_classes() -> None:
    def kernel(x: torch.Tensor) -> Any:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile]
        return {"pair": Pair(out, x)}, [Options(None)]

    bound = helion.kernel()(kernel).bind((torch.zeros(3),))
    (_, (pairs, objects)) = bound._implementation.specialized.program.outputs
    assert portable_outputs("op", pairs) == [
        "dict",
        [["pair", ["tuple", [["buffer", 1], ["buffer", 0]]]]],
    ]
    with pytest.raises(BundleRequestError, match="returns a Options"):
        portable_outputs("op", objects)
