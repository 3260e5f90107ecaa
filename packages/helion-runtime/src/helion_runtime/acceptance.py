"""What a variant takes, for people: ``x: bfloat16[≥2, 16k], y: bfloat16[x.size(0), 64]``.

In: a checked variant and the op's argument names. Out: one line. ``16k`` is a multiple of 16, ``4..8``
a range, ``any`` a number of which nothing is asked. Strides are shown unless they must be those of a
contiguous tensor. Bounds that only keep offsets within 32 bits are summed up in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from helion_runtime.entries import TensorSignature
from helion_runtime.errors import ExpressionError
from helion_runtime.expression_text import describe_constant, describe_expression, is_node
from helion_runtime.expressions import evaluate
from helion_runtime.signature import describe_item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_runtime.entries import VariantEntry

_Reading: TypeAlias = tuple[Any, ...]
_READINGS = ("size", "stride", "argument")
_INT32 = 1 << 31
_SHOWN = 3
_FIRST_SAMPLE = 1009


def describe_signature(names: Sequence[str], variant: VariantEntry) -> str:
    """What a variant takes, on one line."""
    facts = _Facts(names)
    guards = dict.fromkeys(map(_frozen, variant.guard))
    rest = [guard for guard in guards if not facts.learn(guard)]
    sample = _Sample(facts)
    parts = []
    for position, item in enumerate(variant.signature):
        if isinstance(item, TensorSignature):
            taken = item.dtype + _dimensions(facts, sample, position, item.ndim)
        else:
            taken = describe_item(item) + facts.suffix(("argument", position))
        parts.append(f"{names[position]}: {taken}")
    clauses = [", ".join(parts), *_clauses(rest, guards, names)]
    if variant.aligned:
        listed = ", ".join(names[position] for position in variant.aligned)
        clauses.append(f"{listed} aligned to 16 bytes")
    return "; ".join(clauses)


class _Limits:
    """What is asked of one number. ``exact`` is an expression; the rest are numbers or None."""

    def __init__(self) -> None:
        self.exact: Any = None
        self.low: int | None = None
        self.high: int | None = None
        self.multiple: int | None = None
        self.no_multiple: int | None = None

    def describe(self, names: Sequence[str]) -> str:
        if self.exact is not None:
            return describe_expression(self.exact, names)
        high = None if self.high is None or self.high >= _INT32 - 1 else self.high
        text = f"{self.multiple}k" if self.multiple else ""
        if not text or high is not None or (self.low or 0) > (self.multiple or 0):
            text = " in ".join(filter(None, (text, _range(self.low, high))))
        if self.no_multiple:
            text = f"{text} not {self.no_multiple}k".strip()
        return text or "any"


class _Facts:
    """Guards about one size, stride or scalar each, by what they read."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.limits: dict[_Reading, _Limits] = {}

    def learn(self, guard: Any) -> bool:
        """Take a guard in; False for one about something else."""
        match guard:
            case ["eq", left, right]:
                return self._equal(*((left, right) if _order(left, right) else (right, left)))
            case ["ne", ["mod", reading, int(divisor)], 0] if _is_reading(reading):
                self._of(reading).no_multiple = divisor
            case ["le" | "lt", int(low), reading] if _is_reading(reading):
                known = self._of(reading)
                known.low = max(known.low or 0, low + (guard[0] == "lt"))
            case ["le" | "lt", reading, int(high)] if _is_reading(reading):
                known = self._of(reading)
                bound = high - (guard[0] == "lt")
                known.high = bound if known.high is None else min(known.high, bound)
            case _:
                return False
        return True

    def find(self, reading: _Reading) -> _Limits:
        return self.limits.get(reading, _Limits())

    def suffix(self, reading: _Reading) -> str:
        """What is asked of a scalar, behind its type."""
        return f" {self.limits[reading].describe(self.names)}" if reading in self.limits else ""

    def _equal(self, left: Any, right: Any) -> bool:
        match left:
            case ["mod", reading, int(divisor)] if _is_reading(reading) and right == 0:
                self._of(reading).multiple = divisor
                return True
        if not _is_reading(left) or self._of(left).exact is not None:
            return False
        self._of(left).exact = right
        return True

    def _of(self, reading: _Reading) -> _Limits:
        return self.limits.setdefault(reading, _Limits())


class _Sample:
    """Metadata of one call that the facts allow, with a number of its own for everything open: two
    expressions that agree on it are taken to be the same."""

    def __init__(self, facts: _Facts) -> None:
        self._values: dict[_Reading, Any] = {}
        for reading, limits in sorted(facts.limits.items()):
            if limits.exact is None:
                continue
            try:
                self._values[reading] = evaluate(limits.exact, self)
            except ExpressionError:
                continue

    def size(self, argument: int, dimension: int) -> int:
        return int(self._value(("size", argument, dimension)))

    def stride(self, argument: int, dimension: int) -> int:
        return int(self._value(("stride", argument, dimension)))

    def argument(self, position: int) -> int:
        return int(self._value(("argument", position)))

    def sm_count(self) -> int:
        return int(self._value(("sm_count",)))

    def item(self, step: int) -> int:
        return int(self._value(("item", step)))

    def _value(self, reading: _Reading) -> Any:
        return self._values.setdefault(reading, _FIRST_SAMPLE + 2 * len(self._values))


def _dimensions(facts: _Facts, sample: _Sample, position: int, ndim: int) -> str:
    sizes = [facts.find(("size", position, d)).describe(facts.names) for d in range(ndim)]
    text = f"[{', '.join(sizes)}]"
    if _is_contiguous(facts, sample, position, ndim):
        return text
    strides = [facts.find(("stride", position, d)).describe(facts.names) for d in range(ndim)]
    return f"{text} strides [{', '.join(strides)}]"


def _is_contiguous(facts: _Facts, sample: _Sample, position: int, ndim: int) -> bool:
    """Whether the facts ask for the strides of a contiguous tensor."""
    expected = 1
    for dimension in reversed(range(ndim)):
        asked = facts.find(("stride", position, dimension)).exact is not None
        if facts.find(("size", position, dimension)).exact != 1 and not (
            asked and sample.stride(position, dimension) == expected
        ):
            return False
        expected *= sample.size(position, dimension)
    return True


def _clauses(rest: Sequence[Any], guards: dict[Any, None], names: Sequence[str]) -> list[str]:
    """The guards that are about several numbers."""
    texts: dict[str, None] = {}
    for guard in rest:
        match guard:
            case ["lt", [*_], int(limit)] if limit == _INT32:
                texts["offsets below 2**31"] = None
            case ["le", left, right] if {("eq", left, right), ("eq", right, left)} & guards.keys():
                continue
            case _:
                texts[describe_expression(guard, names)] = None
    shown = list(texts)[:_SHOWN]
    if len(texts) > _SHOWN:
        shown.append(f"{len(texts) - _SHOWN} more condition(s)")
    return [f"where {', '.join(shown)}"] if shown else []


def _range(low: int | None, high: int | None) -> str:
    if low is not None and high is not None:
        return f"{describe_constant(low)}..{describe_constant(high)}"
    if low is not None:
        return f"≥{describe_constant(low)}"
    return "" if high is None else f"≤{describe_constant(high)}"


def _order(left: Any, right: Any) -> bool:
    """Whether ``left`` is what an equation is about: a reading, the later one of two."""
    if _is_reading(left) and _is_reading(right) and left[0] == right[0]:
        return bool(left[1:] > right[1:])
    return _is_reading(left) or (not _is_reading(right) and is_node(left))


def _is_reading(expression: Any) -> bool:
    return isinstance(expression, tuple) and expression[0] in _READINGS


def _frozen(expression: Any) -> Any:
    return tuple(map(_frozen, expression)) if is_node(expression) else expression
