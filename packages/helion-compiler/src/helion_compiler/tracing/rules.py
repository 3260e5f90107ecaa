"""The table of recording rules: what becomes of ATen operators that are not pointwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


F = TypeVar("F", bound=Callable[..., Any])


class Rule(Protocol):
    """Records one ATen operator; returns the fake result."""

    def __call__(self, trace: Trace, operator: Any, *args: Any, **kwargs: Any) -> Any:
        """Take the operator's own arguments."""


RULES: dict[str, Rule] = {}
"""By name without overload: ``aten::sum``. Read it as ``operators.TABLE``, which is complete."""


def rule_for(*names: str) -> Callable[[F], F]:
    """Register a rule for ATen operators, by name without ``aten::`` and overload."""

    def register(rule: F) -> F:
        for name in names:
            RULES[f"aten::{name}"] = rule
        return rule

    return register
