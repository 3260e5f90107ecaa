"""Pointwise expressions, with the interval and the error of what they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .aligning import expanded, loose
from .expressions import family, value
from .values import RejectedError, Value, common_dtype, holds, made

if TYPE_CHECKING:
    from collections.abc import Callable

    from .draft import Draft
    from .values import Dims


def operand(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """An operand that has all of these dimensions or some, and broadcasts."""
    some = tuple(dim for dim in dims if draft.draws.chance(0.7))
    some = tuple(dim for dim in some if dim.parent is None or dim.parent in some)
    return value(draft, some, kind, depth)


def _entering(one: Value, dtype: torch.dtype) -> float:
    """The error of an operand once it has been cast to the dtype of the result.

    Raises:
        RejectedError: the cast would wrap around.
    """
    if not dtype.is_floating_point and dtype is not torch.bool:
        limits = torch.iinfo(dtype)
        if one.low < limits.min or one.high > limits.max:
            raise RejectedError
    if not dtype.is_floating_point or holds(dtype, one.bound, one.grain if one.exact else 0):
        return one.error
    if one.dtype == dtype:
        return one.error
    return made("", dtype, (), (one.low, one.high), error=one.error, grain=one.grain).error


@family(8)
def binary(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """``a + b`` and its like."""
    if kind == "bool":
        return comparison(draft, dims, kind, depth)
    first = value(draft, dims, "any" if kind == "any" else kind, depth)
    second = operand(draft, dims, kind, depth)
    left, right = first, loose(draft, second, dims)
    if draft.draws.chance(0.3):
        left, right = right, left
    return _arithmetic(draft, dims, left, right)


def _arithmetic(draft: Draft, dims: Dims, left: Value, right: Value) -> Value:
    dtype = common_dtype(left, right)
    errors = _entering(left, dtype), _entering(right, dtype)
    grain = min(left.grain, right.grain)
    operator = draft.draws.pick(("+", "-", "*", "maximum", "minimum"))
    a, b = left, right
    if operator in ("maximum", "minimum"):
        pick = max if operator == "maximum" else min
        return made(
            f"torch.{operator}({a.text}, {b.text})",
            dtype,
            dims,
            (pick(a.low, b.low), pick(a.high, b.high)),
            error=max(errors),
            grain=grain,
        )
    text = f"{a.text} {operator} {b.text}"
    if operator == "*":
        products = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        error = errors[0] * b.bound + errors[1] * a.bound + errors[0] * errors[1]
        return made(
            text, dtype, dims, (min(products), max(products)), error=error, grain=a.grain * b.grain
        )
    interval = (
        (a.low + b.low, a.high + b.high) if operator == "+" else (a.low - b.high, a.high - b.low)
    )
    return made(text, dtype, dims, interval, error=sum(errors), grain=grain)


@family(3)
def with_number(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Arithmetic with a number of Python, or one that the call passes."""
    one = value(draft, dims, kind if kind != "bool" else "any", depth)
    if kind == "bool":
        raise RejectedError
    number: int | float = draft.draws.integer(-3, 4)
    if one.dtype.is_floating_point and draft.draws.chance(0.4):
        number = draft.draws.pick((0.5, -1.5, 0.25, 2.0))
    if one.dtype is torch.uint8:
        number = abs(number)
    text = str(number)
    if draft.draws.chance(0.1) and not (isinstance(number, int) and number in (0, 1)):
        text = draft.number(number)
    elif number < 0:
        text = f"({text})"
    dtype = common_dtype(one, number)
    other = Value(text, dtype, (), number, number, 0.0, 0.25 if number % 1 else 1.0)
    pair = (one, other) if draft.draws.chance(0.7) else (other, one)
    return _numbered(draft, dims, *pair, dtype=dtype)


def _numbered(draft: Draft, dims: Dims, a: Value, b: Value, *, dtype: torch.dtype) -> Value:
    grain = min(a.grain, b.grain)
    error = a.error + b.error
    operator = draft.draws.pick(("+", "-", "*"))
    text = f"{a.text} {operator} {b.text}"
    if operator == "*":
        products = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        return made(
            text,
            dtype,
            dims,
            (min(products), max(products)),
            error=a.error * b.bound + b.error * a.bound,
            grain=a.grain * b.grain,
        )
    interval = (
        (a.low + b.low, a.high + b.high) if operator == "+" else (a.low - b.high, a.high - b.low)
    )
    return made(text, dtype, dims, interval, error=error, grain=grain)


@family(2)
def divided(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Divisions and remainders by constants, and quotients whose divisor stays away from zero."""
    if kind in ("float", "any") and draft.draws.chance(0.4):
        a = value(draft, dims, "float", depth)
        b = loose(draft, operand(draft, dims, "float", depth), dims)
        if a.dtype != b.dtype:
            raise RejectedError
        error = a.error + b.error * a.bound + 2 * a.bound * _rounding(a.dtype) * (1 + b.bound)
        return made(
            f"{a.text} / ({b.text}.abs() + 1)", a.dtype, dims, (-a.bound, a.bound), error=error
        )
    a = value(draft, dims, "integral", depth)
    if a.dtype is torch.bool:
        raise RejectedError
    divisor = draft.draws.integer(1, 5)
    if not a.dtype.is_floating_point and a.dtype is not torch.uint8 and draft.draws.chance(0.2):
        divisor = -divisor
    shown = str(divisor) if divisor > 0 else f"({divisor})"
    if draft.draws.chance(0.5):
        interval = (0, divisor - 1) if divisor > 0 else (divisor + 1, 0)
        return made(f"{a.text} % {shown}", a.dtype, dims, interval, grain=1)
    ends = [a.low // divisor, a.high // divisor]
    return made(f"{a.text} // {shown}", a.dtype, dims, (min(ends), max(ends)), grain=1)


def _rounding(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps


@family(2)
def comparison(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Conditions on exact numbers."""
    if kind != "bool":
        raise RejectedError
    style = draft.draws.integer(0, 3)
    if style == 0:
        a = value(draft, dims, "bool", depth)
        b = loose(draft, operand(draft, dims, "bool", depth), dims)
        sign = draft.draws.pick(("&", "|", "^"))
        return made(f"{a.text} {sign} {b.text}", torch.bool, dims, (0, 1))
    a = value(draft, dims, "exact", depth)
    sign = draft.draws.pick(("<", "<=", ">", ">=", "==", "!="))
    if style == 1:
        b = loose(draft, operand(draft, dims, "exact", depth), dims)
        if not _comparable(a, b):
            raise RejectedError
        return made(f"{a.text} {sign} {b.text}", torch.bool, dims, (0, 1))
    if style == 2:
        return made(f"~({a.text} {sign} 0)", torch.bool, dims, (0, 1))
    return made(f"{a.text} {sign} {draft.draws.integer(0, 3)}", torch.bool, dims, (0, 1))


def _comparable(a: Value, b: Value) -> bool:
    """Whether torch's common dtype of two values holds both."""
    dtype = common_dtype(a, b)
    return not dtype.is_floating_point or all(holds(dtype, v.bound, v.grain) for v in (a, b))


@family(3)
def where(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """``torch.where``."""
    if kind == "bool":
        raise RejectedError
    condition = loose(draft, operand(draft, dims, "bool", depth), dims)
    a = value(draft, dims, kind, depth)
    if draft.draws.chance(0.3):
        number = draft.draws.integer(0, 2)
        dtype = common_dtype(a, number)
        error = _entering(a, dtype)
        return made(
            f"torch.where({condition.text}, {a.text}, {number})",
            dtype,
            dims,
            (min(a.low, number), max(a.high, number)),
            error=error,
            grain=min(a.grain, 1.0),
        )
    b = loose(draft, operand(draft, dims, kind, depth), dims)
    dtype = common_dtype(a, b)
    return made(
        f"torch.where({condition.text}, {a.text}, {b.text})",
        dtype,
        dims,
        (min(a.low, b.low), max(a.high, b.high)),
        error=max(_entering(a, dtype), _entering(b, dtype)),
        grain=min(a.grain, b.grain),
    )


@family(3)
def cast(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """``.to(dtype)``; to integers from integral numbers alone."""
    if kind == "bool":
        one = value(draft, dims, "exact", depth)
        return made(f"{one.text}.to(torch.bool)", torch.bool, dims, (0, 1))
    target = draft.dtype({"exact": "any", "integral": "int"}.get(kind, kind))
    source = "any" if target.is_floating_point and kind != "exact" else "integral"
    one = value(draft, dims, draft.draws.pick((source, "bool")), depth)
    return made(
        f"{one.text}.to({target})",
        target,
        dims,
        (one.low, one.high),
        error=one.error,
        grain=one.grain if one.exact else 0,
    )


Bounds = "tuple[float, float]"
_UNARY: dict[str, tuple[float, Callable[[float, float], tuple[float, float]]]] = {
    # text: how much it spreads errors at most, its interval
    "torch.sigmoid({})": (0.3, lambda _l, _h: (0, 1)),
    "torch.tanh({})": (1, lambda _l, _h: (-1, 1)),
    "torch.sin({})": (1, lambda _l, _h: (-1, 1)),
    "{}.cos()": (1, lambda _l, _h: (-1, 1)),
    "torch.exp({}.clamp(-2, 2))": (7.4, lambda _l, _h: (0.13, 7.4)),
    "torch.sqrt({}.abs() + 1)": (0.5, lambda low, high: (1, (1 + max(-low, high, 0)) ** 0.5)),
    "torch.rsqrt({}.abs() + 1)": (0.5, lambda _l, _h: (0, 1)),
    "torch.nn.functional.gelu({})": (1.2, lambda low, high: (-0.2, max(high, 0))),
    "torch.nn.functional.silu({})": (1.2, lambda low, high: (-0.3, max(high, 0))),
}
_EXACT = {
    "-{}": lambda low, high: (-high, -low),
    "{}.abs()": lambda low, high: (0, max(-low, high)),
    "torch.relu({})": lambda low, high: (max(low, 0), max(high, 0)),
    "{}.clamp(-2, 3)": lambda low, high: (min(max(low, -2), 3), max(min(high, 3), -2)),
    "{}.clamp(min=1)": lambda low, high: (max(low, 1), max(high, 1)),
    "torch.clamp({}, max=2)": lambda low, high: (min(low, 2), min(high, 2)),
}


@family(4)
def unary(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Functions of one number."""
    if kind == "bool":
        raise RejectedError
    if kind in ("float", "any") and draft.draws.chance(0.5):
        one = value(draft, dims, "float", depth)
        text = draft.draws.pick(tuple(_UNARY))
        spread, interval = _UNARY[text]
        inner = _rounding(one.dtype) * (one.bound + 1)
        return made(
            text.format(one.text),
            one.dtype,
            dims,
            interval(one.low, one.high),
            error=one.error * spread + inner * spread,
        )
    one = value(draft, dims, kind, depth)
    if one.dtype is torch.uint8:
        raise RejectedError
    text = draft.draws.pick(tuple(_EXACT))
    low, high = _EXACT[text](one.low, one.high)
    return made(
        text.format(one.text),
        one.dtype,
        dims,
        (low, high),
        error=one.error,
        grain=min(one.grain, 1.0),
    )


@family(2)
def positions(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """Positions along one of the dimensions."""
    if not dims or kind in ("bool", "float"):
        raise RejectedError
    dim = draft.draws.pick(dims)
    if dim.tile:
        one = Value(f"{dim.name}.index", torch.int64, (dim,), dim.begin, max(dim.end - 1, 0))
    else:
        text = draft.draws.pick(("hl.arange({})", "torch.arange({})", "hl.arange(0, {})"))
        one = Value(text.format(dim.name), torch.int64, (dim,), 0, dim.size - 1)
    if dim.parent is not None and dim.parent not in dims:
        raise RejectedError
    return expanded(draft, one, dims)


@family(1.5)
def filled(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """``hl.full`` and its like, or a scalar spread out."""
    dtype = draft.dtype({"exact": "any", "integral": "int"}.get(kind, kind))
    number = draft.draws.integer(0, 1 if dtype is torch.bool else 3)
    shown = str(bool(number)) if dtype is torch.bool else str(number)
    shape = "[" + ", ".join(dim.name for dim in dims) + "]"
    text = draft.draws.pick(
        (
            f"hl.full({shape}, {shown}, dtype={dtype})",
            f"torch.full({shape}, {shown}, dtype={dtype})",
        )
    )
    return made(text, dtype, dims, (number, number), grain=1)


@family(1.5)
def called(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """A helper function, or a lambda."""
    if kind == "bool":
        raise RejectedError
    a = value(draft, dims, kind, depth)
    b = value(draft, dims, kind, depth)
    dtype = common_dtype(a, b)
    name = draft.fresh("helper")
    errors = _entering(a, dtype) + _entering(b, dtype)
    style = draft.draws.integer(0, 2)
    if style == 0:
        draft.functions.append(f"def {name}(a, b):\n    c = a + b\n    return c")
    elif style == 1:
        draft.functions.append(f"{name} = lambda a, b: a + b")
    else:
        draft.prelude.append(f"def {name}(a, b):\n        return a + b")
    return made(
        f"{name}({a.text}, {b.text})",
        dtype,
        dims,
        (a.low + b.low, a.high + b.high),
        error=errors,
        grain=min(a.grain, b.grain),
    )


@family(1)
def chosen(draft: Draft, dims: Dims, kind: str, depth: int) -> Value:
    """A ternary on a condition that Python or the device decides."""
    if kind == "bool":
        raise RejectedError
    condition = scalar_condition(draft, depth)
    a, b = value(draft, dims, kind, depth), value(draft, dims, kind, depth)
    dtype = common_dtype(a, b)
    texts = [f"{one.text}.to({dtype})" for one in (a, b)]
    return made(
        f"{texts[0]} if {condition} else {texts[1]}",
        dtype,
        dims,
        (min(a.low, b.low), max(a.high, b.high)),
        error=max(_entering(a, dtype), _entering(b, dtype)),
        grain=min(a.grain, b.grain),
    )


def scalar_condition(draft: Draft, depth: int = 1) -> str:
    """A condition with one truth."""
    indices = draft.scope.indices
    style = draft.draws.integer(0, 6)
    if style <= 2 and indices:
        index = draft.draws.pick(indices)
        return draft.draws.pick(
            (
                f"{index.text} % 2 == 0",
                f"{index.text} > 1",
                f"{index.text} == {max(index.end - 1, 0)}",
                f"{index.text} < {index.end // 2} or {index.text} == 3",
                f"not {index.text} < 1",
            )
        )
    if style == 3:
        return f"{draft.number(draft.draws.integer(2, 6))} > {draft.draws.integer(2, 6)}"
    return value(draft, (), "bool", depth).text
