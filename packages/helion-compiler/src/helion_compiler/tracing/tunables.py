"""The tunables of one kernel: what it registers, and what the config says of them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Tunables:
    """``chosen`` are the values that a config gives, ``registered`` the author's declarations, by name."""

    def __init__(self) -> None:
        self.chosen: Mapping[str, Any] = MappingProxyType({})
        self.registered: dict[str, Any] = {}

    def register(self, name: str, fragment: Any) -> Any:
        """The value of a new tunable."""
        self.registered[name] = fragment
        return self.chosen.get(name, fragment.default())
