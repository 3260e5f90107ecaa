"""A point: one immutable assignment of JSON values to the names of a space's parameters.

Two points are equal when their canonical texts are, so a point may be a key of a dict and a line of a file alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from helion_autotune.json_values import JsonValue, canonical_object, freeze, thaw


class Point(Mapping[str, JsonValue]):
    """An immutable, hashable mapping name -> JSON value (lists are held as tuples)."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values: Mapping[str, JsonValue] = (
            values._values
            if isinstance(values, Point)
            else MappingProxyType({name: freeze(value) for name, value in values.items()})
        )

    @classmethod
    def of_frozen(cls, values: dict[str, JsonValue]) -> Point:
        """The point of values that are immutable already; the dict is kept, not copied."""
        point = cls.__new__(cls)
        point._values = MappingProxyType(values)
        return point

    def __getitem__(self, name: str) -> JsonValue:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @cached_property
    def text(self) -> str:
        """The canonical JSON text: the identity of the point."""
        return canonical_object(self._values)

    def to_json(self) -> dict[str, Any]:
        """A fresh dict with lists for tuples, in the order of the space."""
        return {name: thaw(value) for name, value in self._values.items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Point):
            return NotImplemented
        return self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return json.dumps(self.to_json())

    def __repr__(self) -> str:
        return f"Point({self.to_json()!r})"
