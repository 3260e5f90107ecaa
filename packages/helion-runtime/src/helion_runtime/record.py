"""Frozen records: classes whose annotated fields are all there is to them.

``class Point(Record): x: int; y: int = 0`` gives a class with slots, an ``__init__`` of its fields in order, equality,
a hash, a repr, pickling and patterns; ``class Point(Record, eq=False)`` is equal to itself alone. Type checkers
understand them as they do dataclasses.

Nothing is generated when such a class is made, which is why the runtime has them: making its classes took longer than
opening a bundle (``docs/decisions/0014-records-are-made-without-generating-code.md``).
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar, dataclass_transform

R = TypeVar("R", bound="Record")


@dataclass_transform(frozen_default=True)
class RecordType(type):
    """Makes a class with annotations into a record: annotated names become slots, their values defaults."""

    _fields: tuple[str, ...]
    _defaults: dict[str, Any]

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], *, eq: bool = True
    ) -> RecordType:
        """The class; ``eq`` says whether records of equal fields are equal."""
        fields = tuple(namespace.get("__annotations__", ()))
        defaults = {field: namespace.pop(field) for field in fields if field in namespace}
        namespace |= {"__slots__": fields, "__match_args__": fields}
        if not eq:
            namespace |= {"__eq__": object.__eq__, "__hash__": object.__hash__}
        made = super().__new__(cls, name, bases, namespace)
        made._fields, made._defaults = fields, defaults
        return made


class Record(metaclass=RecordType):
    """The base of all records; one that derives from another record has its own fields alone."""

    def __init__(self, *values: Any, **named: Any) -> None:
        cls = type(self)
        put = object.__setattr__
        for field, value in zip(cls._fields, values, strict=False):
            put(self, field, value)
        rest = cls._fields[len(values) :]
        for field in rest:
            if field in named:
                put(self, field, named.pop(field))
            elif field in cls._defaults:
                put(self, field, cls._defaults[field])
            else:
                raise TypeError(f"{cls.__name__}: field {field!r} is missing")
        if named or len(values) > len(cls._fields):
            surplus = ", ".join(map(repr, named)) or f"{len(values)} values"
            raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}; found {surplus}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and values_of(self) == values_of(other)

    def __hash__(self) -> int:
        return hash((type(self), values_of(self)))

    def __repr__(self) -> str:
        parts = (f"{field}={getattr(self, field)!r}" for field in type(self)._fields)
        return f"{type(self).__name__}({', '.join(parts)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), values_of(self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set: records are frozen")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted: records are frozen")


def fields_of(kind: type[Record]) -> tuple[str, ...]:
    """The names of a record class's fields, in order."""
    return kind._fields


def values_of(record: Record) -> tuple[Any, ...]:
    """The values of a record's fields, in order."""
    return tuple([getattr(record, field) for field in type(record)._fields])


def replace(record: R, /, **changes: Any) -> R:
    """A copy of ``record`` with other values for some of its fields."""
    fields = type(record)._fields
    values = [
        changes.pop(field) if field in changes else getattr(record, field) for field in fields
    ]
    return type(record)(*values, **changes)
