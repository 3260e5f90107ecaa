"""Symbolic sizes: arithmetic, comparisons, operators on fake tensors, and what becomes a guard."""

from __future__ import annotations

import pytest
import sympy
import torch

from helion_compiler.torch_bridge import symbolic


@pytest.fixture
def shape_env():
    return symbolic.make_shape_env()


def test_a_size_computes_like_a_number(shape_env) -> None:
    m = symbolic.new_symbol(shape_env, "m", 100_003)
    n = symbolic.new_symbol(shape_env, "n", 200_003)
    total = (m + 3) * n // 2
    found = symbolic.expression(total)
    values = {symbolic.expression(m): 10, symbolic.expression(n): 7}
    assert isinstance(found, sympy.Expr)
    assert int(found.subs(values)) == 13 * 7 // 2
    assert symbolic.guards(shape_env) == []


def test_plain_numbers_stay_numbers(shape_env) -> None:
    m = symbolic.new_symbol(shape_env, "m", 100_003)
    assert symbolic.expression(12) == 12
    assert type(symbolic.expression(m - m + 4)) is int


def test_comparisons_with_zero_and_one_are_no_guards(shape_env) -> None:
    m = symbolic.new_symbol(shape_env, "m", 100_003)
    assert m != 1
    assert m >= 2
    assert m > 0
    assert m != 0
    assert symbolic.guards(shape_env) == []


def test_a_comparison_that_can_fail_is_a_guard_once(shape_env) -> None:
    m = symbolic.new_symbol(shape_env, "m", 100_003)
    n = symbolic.new_symbol(shape_env, "n", 200_003)
    assert m < n
    assert m < n
    (guard,) = symbolic.guards(shape_env)
    values = {symbolic.expression(m): 5, symbolic.expression(n): 4}
    assert guard.subs(values) == sympy.false


def test_equal_hints_do_not_make_sizes_equal(shape_env) -> None:
    m = symbolic.new_symbol(shape_env, "m", 100_003)
    n = symbolic.new_symbol(shape_env, "n", 100_003)
    assert symbolic.expression(m) != symbolic.expression(n)


def test_a_name_is_used_once(shape_env) -> None:
    symbolic.new_symbol(shape_env, "m", 100_003)
    with pytest.raises(ValueError, match="already exists"):
        symbolic.new_symbol(shape_env, "m", 100_019)


def test_a_hint_below_two_is_refused(shape_env) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        symbolic.new_symbol(shape_env, "m", 1)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_operators_broadcast_and_reduce_without_guards(shape_env, device) -> None:
    m = symbolic.new_symbol(shape_env, "m", 100_003)
    n = symbolic.new_symbol(shape_env, "n", 200_003)
    mode = symbolic.fake_mode(shape_env)
    x = symbolic.fake_like(mode, (m, n), torch.bfloat16, device)
    row = symbolic.fake_like(mode, (n,), torch.float32, device)
    with mode:
        y = torch.softmax(x * row.unsqueeze(0) + 1, dim=-1)
        product = y.to(torch.bfloat16) @ x.transpose(0, 1)
        total = y.sum(-1, keepdim=True)
    assert y.dtype == torch.float32
    assert y.device.type == device
    assert symbolic.expression(total.shape[0]) == symbolic.expression(m)
    assert total.shape[1] == 1
    assert symbolic.expression(product.shape[1]) == symbolic.expression(m)
    assert symbolic.guards(shape_env) == []


def test_strides_are_kept(shape_env) -> None:
    m = symbolic.new_symbol(shape_env, "m", 100_003)
    s = symbolic.new_symbol(shape_env, "s", 400_009)
    x = symbolic.fake_like(symbolic.fake_mode(shape_env), (m, 8), torch.float16, "cuda", (s, 1))
    assert symbolic.expression(x.stride(0)) == symbolic.expression(s)
    assert symbolic.expression(x.stride(1)) == 1
