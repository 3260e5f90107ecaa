"""The kinds of values that settings take: how to check one, and how to read one from the environment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs

from helion.cached_configs import FromCache
from helion.constraints import BOOLEAN, Constraint, integer, one_of

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
    "": False,
}


@attrs.frozen
class Kind(Constraint):
    """A constraint whose values can be written as text; ``parse`` raises ValueError for other text."""

    parse: Callable[[str], Any]


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word not in _WORDS:
        raise ValueError(text)
    return _WORDS[word]


def choice(*values: str) -> Kind:
    """One of a few words."""
    constraint = one_of(*values)
    return Kind(constraint.allowed, constraint.accepts, str.strip)


def count(low: int) -> Kind:
    """An integer of at least ``low``."""
    constraint = integer(low)
    return Kind(constraint.allowed, constraint.accepts, int)


def positive_number(*, zero: bool = False) -> Kind:
    """A finite number above zero, or from zero on."""

    def accepts(value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return math.isfinite(value) and (value > 0 or (zero and value == 0))

    return Kind("a number of at least 0" if zero else "a positive number", accepts, float)


def optional(kind: Kind) -> Kind:
    """What ``kind`` takes, or None, which is written ``none`` or left empty."""

    def parse(text: str) -> Any:
        return None if text.strip().lower() in ("", "none") else kind.parse(text)

    return Kind(
        f"{kind.allowed}, or None", lambda value: value is None or kind.accepts(value), parse
    )


def _names_devices(value: object) -> bool:
    if not isinstance(value, str):
        return False
    return value in ("all", "ray") or all(part.strip().isdecimal() for part in value.split(","))


FLAG = Kind(f"{BOOLEAN.allowed} (0 or 1 in the environment)", BOOLEAN.accepts, _flag)
PATH = Kind("a path, as a string", lambda value: isinstance(value, str) and bool(value), str)
OPTIONAL_PATH = optional(PATH)
DEVICES = Kind('"all", "ray", or indices with commas between, as "0,1"', _names_devices, str.strip)


def _not_as_text(text: str) -> Any:
    raise ValueError(text)


FROM_CACHE = optional(
    Kind(
        "what helion.from_cache(...) gives",
        lambda value: isinstance(value, FromCache),
        _not_as_text,
    )
)
