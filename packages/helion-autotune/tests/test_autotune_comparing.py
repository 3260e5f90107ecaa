"""What counts as a wrong result, and what outputs are poisoned with."""

import pytest

torch = pytest.importorskip("torch", reason="compares torch tensors")

from helion_autotune.triton_kernels.comparing import (  # noqa: E402 - after the check for torch
    difference,
    fill_poison,
    same_bytes,
)

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
EIGHT_BITS = [torch.float8_e4m3fn, torch.float8_e5m2]
INTEGERS = [torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool]
COMPLEX = [torch.complex64, torch.complex128]


def values(dtype):
    return torch.arange(64).reshape(8, 8).remainder(2 if dtype is torch.bool else 64).to(dtype)


@pytest.mark.parametrize("dtype", [*FLOATS, *EIGHT_BITS, *INTEGERS, *COMPLEX], ids=str)
def test_equal_is_right_and_poison_is_wrong(dtype):
    expected = values(dtype)
    actual = expected.clone()
    assert difference(actual, expected) is None
    assert same_bytes(actual, expected)
    fill_poison(actual)
    assert not same_bytes(actual, expected)
    assert "elements" in difference(actual, expected)


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX], ids=str)
def test_rounding_is_right_and_a_changed_value_is_wrong(dtype):
    expected = values(dtype)
    eps = torch.finfo(dtype).eps
    assert difference(expected * (1 + 2 * eps), expected) is None
    actual = expected.clone()
    actual[2, 3] += 19
    assert difference(actual, expected).startswith("1 of 64 elements are off")
    assert difference(actual, expected).endswith("the first at (2, 3)")
    assert difference(actual, expected, tolerance=2.0) is None


def test_integers_must_be_equal():
    assert "the first at (1,)" in difference(torch.tensor([1, 2]), torch.tensor([1, 3]))


def test_nan_and_infinity_equal_themselves_only():
    inf, nan = float("inf"), float("nan")
    expected = torch.tensor([inf, -inf, nan, 1.0])
    assert difference(expected.clone(), expected) is None
    for actual in (
        [inf, inf, nan, 1.0],
        [1e30, -inf, nan, 1.0],
        [inf, -inf, 0.0, 1.0],
        [inf, -inf, nan, nan],
    ):
        assert difference(torch.tensor(actual), expected).startswith("1 of 4")


def test_nothing_finite_and_nothing_at_all_are_compared_too():
    nan = torch.full((3,), float("nan"))
    assert difference(nan.clone(), nan) is None
    assert difference(torch.zeros(3), nan).startswith("3 of 3")
    assert difference(torch.zeros(0), torch.zeros(0)) is None
    assert "the shape is (2,), expected (3,)" in difference(torch.zeros(2), torch.zeros(3))


def test_views_are_compared_and_poisoned_in_place():
    whole = torch.zeros(4, 4)
    fill_poison(whole[:, 1])
    assert whole.isnan().sum() == 4
    assert same_bytes(whole[:, 0], whole[:, 2])
