"""What a kernel leaves to the config: the values that fragments declare, and those that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from helion.autotuner import (
    FRAGMENTS,
    BooleanFragment,
    EnumFragment,
    IntegerFragment,
    PowerOfTwoFragment,
)
from helion.exc import ConfigSpecFragmentWithSymInt

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("fragment", "default", "allowed", "refused"),
    [
        (IntegerFragment(2, 5), 2, [2, 3, 5], [1, 6, 2.0, True, "3", None]),
        (IntegerFragment(-1, 1, 0), 0, [-1, 0, 1], [2]),
        (PowerOfTwoFragment(1, 16, 4), 4, [1, 2, 4, 8, 16], [0, 3, 32, True]),
        (EnumFragment(["rows", "columns"]), "rows", ["rows", "columns"], ["", None]),
        (BooleanFragment(), False, [True, False], [0, 1, None]),
    ],
)
def test_values(fragment: Any, default: object, allowed: list[Any], refused: list[Any]) -> None:
    assert isinstance(fragment, FRAGMENTS)
    assert fragment.default() == default
    assert all(fragment.allows(value) for value in allowed)
    assert not any(fragment.allows(value) for value in refused)
    assert hash(fragment) == hash(fragment)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: IntegerFragment(5, 2), ValueError, "high=2 is not within"),
        (lambda: IntegerFragment(1, 4, 5), ValueError, "default_val=5 is not within"),
        (lambda: IntegerFragment(1.0, 4), TypeError, "low must be an integer"),  # type: ignore[arg-type]  # the mistake
        (lambda: PowerOfTwoFragment(3, 8), ValueError, "low=3 is not a power of two"),
        (lambda: PowerOfTwoFragment(1, 8, 6), ValueError, "default_val=6 is not a power"),
        (lambda: EnumFragment(()), ValueError, "choices must not be empty"),
    ],
)
def test_what_is_no_fragment(
    make: Callable[[], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make()


def test_a_symbolic_size_is_no_limit() -> None:
    size: Any = ShapeEnv().create_unbacked_symint()
    assert isinstance(size, torch.SymInt)
    with pytest.raises(ConfigSpecFragmentWithSymInt, match=r"hl\.specialize"):
        PowerOfTwoFragment(1, size)
