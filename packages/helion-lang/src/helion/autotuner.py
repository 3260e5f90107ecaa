"""What the author of a kernel may leave to the config: declarations for :func:`helion.language.register_tunable`.

They say which values there are; whoever tunes decides how to search them.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import attrs
import torch

from helion.constraints import is_integer
from helion.exc import ConfigSpecFragmentWithSymInt

ChoiceT = TypeVar("ChoiceT")


def _within(fragment: _Range, attribute: attrs.Attribute[Any], value: int) -> None:
    if isinstance(value, torch.SymInt):
        raise ConfigSpecFragmentWithSymInt(size=value)
    if not is_integer(value):
        raise TypeError(f"{attribute.name} must be an integer, got {value!r}")
    if value < fragment.low or (attribute.name != "low" and value > fragment.high):
        raise ValueError(
            f"{attribute.name}={value} is not within low={fragment.low} and high={fragment.high}"
        )


def _power_of_two(_: _Range, attribute: attrs.Attribute[Any], value: int) -> None:
    if value < 1 or value & (value - 1):
        raise ValueError(f"{attribute.name}={value} is not a power of two")


@attrs.frozen
class _Range:
    """Integers from ``low`` to ``high``, both included; ``default_val`` is ``low`` if not given."""

    low: int = attrs.field(validator=_within)
    high: int = attrs.field(validator=_within)
    default_val: int = attrs.field(
        default=attrs.Factory(lambda self: self.low, takes_self=True), validator=_within
    )

    def default(self) -> int:
        """The value without tuning."""
        return self.default_val

    def allows(self, value: object) -> bool:
        """Whether ``value`` is one of those declared."""
        return is_integer(value) and self.low <= value <= self.high  # type: ignore[operator]  # an int, by then


@attrs.frozen
class IntegerFragment(_Range):
    """Integers from ``low`` to ``high``, both included."""


@attrs.frozen
class PowerOfTwoFragment(_Range):
    """Powers of two from ``low`` to ``high``, both included and powers of two themselves."""

    low: int = attrs.field(validator=[_within, _power_of_two])
    high: int = attrs.field(validator=[_within, _power_of_two])
    default_val: int = attrs.field(
        default=attrs.Factory(lambda self: self.low, takes_self=True),
        validator=[_within, _power_of_two],
    )

    def allows(self, value: object) -> bool:
        """Whether ``value`` is one of those declared."""
        return super().allows(value) and value & (value - 1) == 0  # type: ignore[operator]  # an int, by then


@attrs.frozen
class EnumFragment(Generic[ChoiceT]):
    """One of ``choices``, the first by default."""

    choices: tuple[ChoiceT, ...] = attrs.field(converter=tuple)

    @choices.validator
    def _not_empty(self, _: attrs.Attribute[Any], value: tuple[ChoiceT, ...]) -> None:
        if not value:
            raise ValueError("choices must not be empty")

    def default(self) -> ChoiceT:
        """The value without tuning."""
        return self.choices[0]

    def allows(self, value: object) -> bool:
        """Whether ``value`` is one of those declared."""
        return value in self.choices


@attrs.frozen
class BooleanFragment:
    """True or False, False by default."""

    def default(self) -> bool:
        """The value without tuning."""
        return False

    def allows(self, value: object) -> bool:
        """Whether ``value`` is one of those declared."""
        return isinstance(value, bool)


FRAGMENTS = (IntegerFragment, PowerOfTwoFragment, EnumFragment, BooleanFragment)
"""Every kind of fragment."""
