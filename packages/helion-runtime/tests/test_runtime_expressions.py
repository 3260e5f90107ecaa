from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helion_runtime.errors import ExpressionError
from helion_runtime.expressions import OPERATORS, argument_uses, check, evaluate


class Call:
    def size(self, argument: int, dimension: int) -> int:
        return ((4096, 64), (128,))[argument][dimension]

    def stride(self, argument: int, dimension: int) -> int:
        return ((64, 1), (1,))[argument][dimension]

    def argument(self, position: int) -> int | float | bool | str | None:
        return (None, None, 2.5, "gelu")[position]

    def sm_count(self) -> int:
        return 132


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (["ceildiv", ["size", 0, 0], 100], 41),
        (["ceildiv", -7, 2], -3),
        (["floordiv", -7, 2], -4),
        (["mod", -7, 3], 2),
        (["mul", 2**62, 2**40], 2**102),
        (["add", 1, 2, 3], 6),
        (["sub", ["stride", 0, 0], 1], 63),
        (["min", 5, 3, 4], 3),
        (["max", ["size", 1, 0], ["sm_count"]], 132),
        (["eq", ["argument", 3], "gelu"], True),
        (["ne", 1, 1], False),
        (["and", ["lt", 1, 2], ["le", 2, 2]], True),
        (["or", ["not", True], 0], False),
        (["truediv", 1, 4], 0.25),
        (["pow", 2, 100], 2**100),
        (["neg", ["argument", 2]], -2.5),
        (("add", 1, ("mul", 2, 3)), 7),
        (None, None),
    ],
)
def test_values(expression: object, value: object) -> None:
    check(expression, 4)
    result = evaluate(expression, Call())
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ([], "expected \\[operator"),
        ([["add", 1]], "expected \\[operator"),
        (["import", "os"], "unknown operator 'import'"),
        (["add"], "one or more operands"),
        (["sub", 1], "takes 2 operand"),
        (["size", 0], "takes 2 operand"),
        (["size", 4, 0], "below 4"),
        (["size", 0, 64], "below 64"),
        (["size", True, 0], "whole numbers"),
        (["size", ["add", 0], 0], "whole numbers"),
        (["argument", -1], "below 4"),
        (["sm_count", 1], "takes 0 operand"),
        (2**129, "more than 128 bits"),
        ("x" * 5000, "characters"),
        ({"add": 1}, "expected a number"),
        (["add", *[1] * 5000], "more than 4096 nodes"),
        (["min", 1, "one"], "takes numbers"),
        (["lt", None, 1], "takes numbers"),
        (["mul", "ab", 3, 10**15], "takes numbers"),
        (["add", 1, "one"], "takes numbers"),
    ],
)
def test_malformed_expressions_are_refused(expression: object, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        check(expression, 4)


def test_depth_is_limited_without_recursing() -> None:
    expression: object = 1
    for _ in range(100_000):
        expression = ["neg", expression]
    with pytest.raises(ExpressionError, match="deeper than 64"):
        check(expression, 0)


@pytest.mark.parametrize(
    "expression",
    [
        ["floordiv", 1, 0],
        ["mod", 1, ["sub", 1, 1]],
        ["pow", 10, 10**30],
        ["pow", ["pow", 2, 100], 100],
        ["pow", 0, -1],
        ["pow", -8, 0.5],
        ["mul", 2**100, 2**100],
        ["size", 1, 1],
        ["add", 1, ["argument", 3]],
    ],
)
def test_expressions_without_a_value(expression: object) -> None:
    check(expression, 4)
    with pytest.raises(ExpressionError):
        evaluate(expression, Call())


def test_a_guard_may_protect_a_division() -> None:
    assert evaluate(["and", ["ne", 0, 0], ["eq", ["mod", 1, 0], 0]], Call()) is False
    assert evaluate(["or", ["eq", 0, 0], ["eq", ["mod", 1, 0], 0]], Call()) is True


def test_uses() -> None:
    assert argument_uses(["add", ["argument", 2], ["mul", ["argument", 0], ["size", 1, 0]]]) == {
        0,
        2,
    }


def test_every_operator_is_closed_over_checked_operands() -> None:
    for name, (arity, _) in OPERATORS.items():
        check([name, *[1] * (arity or 3)], 0)


@given(st.integers(-(2**63), 2**63), st.integers(-(2**63), 2**63))
def test_integers_are_exact(a: int, b: int) -> None:
    assert evaluate(["add", a, b], Call()) == a + b
    assert evaluate(["sub", a, b], Call()) == a - b
    if b:
        assert evaluate(["floordiv", a, b], Call()) == a // b
        assert evaluate(["ceildiv", a, b], Call()) == math.ceil(a // b + (a % b != 0))
