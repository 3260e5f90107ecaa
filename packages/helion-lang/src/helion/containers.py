"""Containers among a kernel's arguments and results: what is in one, and one like it with other contents.

Containers are lists, tuples, named tuples, dicts, and instances of dataclasses and attrs classes. One is
put together again without its constructor: it gets its parts, and nothing of its class runs.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@attrs.frozen
class Parts:
    """What a container is made of. ``labels`` are a dict's keys or an object's attributes, in order; None
    for a sequence. ``items`` go with them."""

    type: type
    labels: tuple[Any, ...] | None
    items: tuple[Any, ...]

    def together(self, items: Sequence[Any]) -> Any:
        """A container of the same kind around ``items``."""
        return together(self.type, self.labels, items)

    def names(self, owner: str) -> list[str]:
        """What each item is called in a container called ``owner``."""
        if self.labels is None:
            return [f"{owner}[{i}]" for i in range(len(self.items))]
        if issubclass(self.type, dict):
            return [f"{owner}[{label!r}]" for label in self.labels]
        return [f"{owner}.{label}" for label in self.labels]


def parts_of(value: object) -> Parts | None:
    """The parts of a container; None for anything else."""
    kind = type(value)
    if isinstance(value, list | tuple):
        return Parts(kind, None, tuple(value))
    if isinstance(value, dict) and kind in (dict, OrderedDict):
        return Parts(kind, tuple(value), tuple(value.values()))
    if dataclasses.is_dataclass(kind) or attrs.has(kind):
        labels = tuple(_attributes(value))
        return Parts(kind, labels, tuple(getattr(value, label) for label in labels))
    return None


def together(kind: type, labels: tuple[Any, ...] | None, items: Sequence[Any]) -> Any:
    """A container of class ``kind`` around ``items``."""
    if labels is None:
        make: Any = getattr(
            kind, "_make", kind
        )  # a named tuple's constructor takes its fields apart
        return make(items)
    if issubclass(kind, dict):
        return kind(zip(labels, items, strict=True))
    made = object.__new__(kind)
    for label, item in zip(labels, items, strict=True):
        object.__setattr__(made, label, item)
    return made


def _attributes(value: object) -> Iterator[str]:
    """The attributes of an instance that hold something: its fields, then what else was set."""
    kind: Any = type(value)
    listed = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else attrs.fields(kind)
    names = dict.fromkeys((*(field.name for field in listed), *getattr(value, "__dict__", ())))
    return (name for name in names if hasattr(value, name))
