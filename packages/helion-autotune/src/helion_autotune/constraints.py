"""What a space demands of a point beyond each parameter's own values, each with its reason in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from helion_autotune.json_values import JsonValue

Predicate = Callable[[Mapping[str, JsonValue]], bool]


@attrs.frozen
class Constraint:
    """A named demand on whole points. ``holds`` sees the values by name and is pure."""

    name: str
    reason: str
    holds: Predicate = attrs.field(eq=False, repr=False)


@attrs.frozen
class Condition:
    """When a parameter is active. ``holds`` sees the values of the parameters declared before it."""

    reason: str
    holds: Predicate = attrs.field(eq=False, repr=False)

    @classmethod
    def of(cls, condition: Condition | Predicate) -> Condition:
        """The condition itself, or one made of a bare predicate, without words."""
        return condition if isinstance(condition, Condition) else cls("", condition)


@attrs.frozen
class Violation:
    """Why a point is none of a space's: the parameter or constraint, and the reason in words."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"
