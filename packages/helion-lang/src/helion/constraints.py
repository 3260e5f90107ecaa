"""What a value may be, as data: a check together with the words that say what passes it.

Shared by the tables of config keys and of settings, so that every refusal says what is allowed.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@attrs.frozen
class Constraint:
    """``accepts`` decides; ``allowed`` completes "must be ..."."""

    allowed: str
    accepts: Callable[[object], bool]


def is_integer(value: object) -> bool:
    """Whether ``value`` is an int, and not one of the bools that Python counts among them."""
    return isinstance(value, int) and not isinstance(value, bool)


def integer(low: int, high: int | None = None) -> Constraint:
    """An integer of at least ``low`` and at most ``high``."""
    allowed = (
        f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    )

    def accepts(value: object) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and low <= value
            and (high is None or value <= high)
        )

    return Constraint(allowed, accepts)


def power_of_two(low: int = 1, high: int | None = None) -> Constraint:
    """A power of two of at least ``low`` and at most ``high``."""
    inside = integer(low, high)
    limits = f"of at least {low}" if high is None else f"from {low} to {high}"

    def accepts(value: object) -> bool:
        return inside.accepts(value) and isinstance(value, int) and value & (value - 1) == 0

    return Constraint(f"a power of two {limits}", accepts)


def one_of(*values: object) -> Constraint:
    """One of a few values; True is not taken for 1."""

    def accepts(value: object) -> bool:
        return any(type(value) is type(allowed) and value == allowed for allowed in values)

    return Constraint(f"one of {', '.join(map(repr, values))}", accepts)


def either(first: Constraint, second: Constraint) -> Constraint:
    """What either of two constraints accepts."""
    return Constraint(
        f"{first.allowed}, or {second.allowed}",
        lambda value: first.accepts(value) or second.accepts(value),
    )


def permutation() -> Constraint:
    """A list that holds 0 up to its length, each once."""

    def accepts(value: object) -> bool:
        return (
            isinstance(value, (list, tuple))
            and bool(value)
            and all(is_integer(entry) for entry in value)
            and sorted(value) == list(range(len(value)))
        )

    return Constraint("a permutation such as [1, 0]", accepts)


NONE = Constraint("None", lambda value: value is None)
BOOLEAN = Constraint("True or False", lambda value: isinstance(value, bool))
OPTIONAL_BOOLEAN = Constraint(
    "True, False or None", lambda value: value is None or isinstance(value, bool)
)


def nearest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The known name that a misspelt one most likely stands for; 1 is the ``likeness`` of equal names."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=likeness)
    return matches[0] if matches else None
