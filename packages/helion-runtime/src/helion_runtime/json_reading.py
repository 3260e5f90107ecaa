"""Reading JSON strictly: every value is checked as it is taken, every error says what, where,
expected and found.

In: values as ``json.loads`` gives them. Out: plain Python values of the type asked for, or
:class:`SchemaError`.
Floats that JSON has no number for are written as ``{"float": "inf"}``, ``"-inf"`` or ``"nan"``.
"""

from __future__ import annotations

import math
import reprlib
from typing import TYPE_CHECKING, Any, TypeVar

from helion_runtime.errors import SchemaError
from helion_runtime.expressions import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
_MAX_STRING = 2**20
_MAX_INTEGER_BITS = 128


def fail(where: str, expected: str, found: object) -> SchemaError:
    """The error for a value of the wrong kind."""
    return SchemaError(f"{where}: expected {expected}, found {reprlib.repr(found)[:120]}")


def read_object(
    value: object, where: str, fields: Mapping[str, Callable[[object, str], Any]]
) -> dict[str, Any]:
    """An object with exactly these keys, each read by its reader."""
    if not isinstance(value, dict):
        raise fail(where, "an object", value)
    missing = [key for key in fields if key not in value]
    unknown = [key for key in value if key not in fields]
    if missing:
        raise SchemaError(f"{where}: missing key(s): {', '.join(missing)}")
    if unknown:
        raise SchemaError(f"{where}: unknown key(s): {', '.join(map(reprlib.repr, unknown[:8]))}")
    return {key: reader(value[key], f"{where}.{key}") for key, reader in fields.items()}


def read_list(reader: Callable[[object, str], T]) -> Callable[[object, str], tuple[T, ...]]:
    """A reader of lists whose items are read by ``reader``; gives a tuple."""

    def read(value: object, where: str) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise fail(where, "a list", value)
        return tuple(reader(item, f"{where}[{number}]") for number, item in enumerate(value))

    return read


def read_map(reader: Callable[[object, str], T]) -> Callable[[object, str], dict[str, T]]:
    """A reader of objects with any keys whose values are read by ``reader``."""

    def read(value: object, where: str) -> dict[str, T]:
        if not isinstance(value, dict):
            raise fail(where, "an object", value)
        return {key: reader(item, f"{where}.{key:.80}") for key, item in value.items()}

    return read


def read_string(value: object, where: str) -> str:
    """A string of reasonable length."""
    if not isinstance(value, str) or len(value) > _MAX_STRING:
        raise fail(where, "a string", value)
    return value


def read_integer(value: object, where: str) -> int:
    """A whole number, not a bool, of at most 128 bits."""
    if type(value) is not int or value.bit_length() > _MAX_INTEGER_BITS:
        raise fail(where, "a whole number", value)
    return value


def read_bool(value: object, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise fail(where, "true or false", value)
    return value


def read_scalar(value: object, where: str) -> int | float | bool | str | None:
    """A number, string, bool or null; floats that JSON cannot write are objects."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return read_integer(value, where)
    if isinstance(value, dict):
        text = read_object(value, where, {"float": read_string})["float"]
        if text not in ("inf", "-inf", "nan"):
            raise fail(where, '"inf", "-inf" or "nan"', text)
        return float(text)
    return read_string(value, where)


def read_tree(value: object, where: str, depth: int = 0) -> Any:
    """Nested lists of scalars, as nested tuples: expressions and output trees, whose meaning is
    checked elsewhere."""
    if depth > MAX_DEPTH:
        raise SchemaError(f"{where}: nested deeper than {MAX_DEPTH}")
    if isinstance(value, list):
        return tuple(read_tree(item, where, depth + 1) for item in value)
    return read_scalar(value, where)


def write_tree(value: object) -> Any:
    """The opposite of :func:`read_tree`."""
    if isinstance(value, (list, tuple)):
        return [write_tree(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    return value
