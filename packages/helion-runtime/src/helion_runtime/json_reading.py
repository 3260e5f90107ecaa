"""Reading JSON strictly: every value is checked as it is taken, every error says what, where,
expected and found.

In: values as ``json.loads`` gives them. Out: plain Python values of the type asked for, or
:class:`SchemaError`.
Floats that JSON has no number for are written as ``{"float": "inf"}``, ``"-inf"`` or ``"nan"``.

A reader is a function of one value that raises :class:`MisfitError`; :func:`read` calls the
outermost one. The place of a misfit is put together on the way out, so that reading what is sound
costs nothing for it.
"""

from __future__ import annotations

import math
import reprlib
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from helion_runtime.errors import SchemaError
from helion_runtime.expressions import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_runtime.record import Record

    R = TypeVar("R", bound=Record)

T = TypeVar("T")
Reader: TypeAlias = "Callable[[object], T]"
_MAX_STRING = 2**20
_MAX_INTEGER_BITS = 128
_FLOATS = ("inf", "-inf", "nan")


class MisfitError(Exception):
    """A value that is not what its reader expects; ``place`` grows from the inside out."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = ""

    def inside(self, place: str) -> MisfitError:
        """The same, seen from the value around it."""
        self.place = place + self.place
        return self


def read(reader: Reader[T], value: object, where: str) -> T:
    """What ``reader`` makes of ``value``; ``where`` names it in the :class:`SchemaError` for a misfit."""
    try:
        return reader(value)
    except MisfitError as misfit:
        raise SchemaError(f"{where}{misfit.place}: {misfit.problem}") from None


def unlike(expected: str, found: object) -> MisfitError:
    """The misfit of a value of the wrong kind."""
    return MisfitError(f"expected {expected}, found {reprlib.repr(found)[:120]}")


def read_object(
    fields: Mapping[str, Reader[Any]], optional: Mapping[str, Reader[Any]] | None = None
) -> Reader[dict[str, Any]]:
    """A reader of objects with exactly these keys, each read by its reader; ``optional`` ones may be missing."""
    every = {**fields, **(optional or {})}

    def read_it(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise unlike("an object", value)
        if not fields.keys() <= value.keys() <= every.keys():
            raise _other_keys(value, fields, every)
        result = {}
        for key, reader in every.items():
            try:
                if key in value:
                    result[key] = reader(value[key])
            except MisfitError as misfit:
                raise misfit.inside(f".{key}") from None
        return result

    return read_it


def read_record(
    kind: type[R],
    fields: Mapping[str, Reader[Any]],
    optional: Mapping[str, Reader[Any]] | None = None,
) -> Reader[R]:
    """A reader of records from objects with their fields as keys; ``optional`` ones have defaults."""
    read_fields = read_object(fields, optional)
    return lambda value: kind(**read_fields(value))


def read_list(reader: Reader[T]) -> Reader[tuple[T, ...]]:
    """A reader of lists whose items are read by ``reader``; gives a tuple."""

    def read_it(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise unlike("a list", value)
        items: list[T] = []
        try:
            for item in value:
                items.append(reader(item))  # how many there are says where the misfit is
        except MisfitError as misfit:
            raise misfit.inside(f"[{len(items)}]") from None
        return tuple(items)

    return read_it


def read_map(reader: Reader[T]) -> Reader[dict[str, T]]:
    """A reader of objects with any keys whose values are read by ``reader``."""

    def read_it(value: object) -> dict[str, T]:
        if not isinstance(value, dict):
            raise unlike("an object", value)
        result = {}
        for key, item in value.items():
            try:
                result[key] = reader(item)
            except MisfitError as misfit:
                raise misfit.inside(f".{key:.80}") from None
        return result

    return read_it


def read_string(value: object) -> str:
    """A string of reasonable length."""
    if not isinstance(value, str) or len(value) > _MAX_STRING:
        raise unlike("a string", value)
    return value


def read_integer(value: object) -> int:
    """A whole number, not a bool, of at most 128 bits."""
    if type(value) is not int or value.bit_length() > _MAX_INTEGER_BITS:
        raise unlike("a whole number", value)
    return value


def read_bool(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise unlike("true or false", value)
    return value


def read_scalar(value: object) -> int | float | bool | str | None:
    """A number, string, bool or null; floats that JSON cannot write are objects."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return read_integer(value)
    if isinstance(value, dict):
        return float(_read_float(value)["float"])
    return read_string(value)


def read_tree(value: object, depth: int = 0) -> Any:
    """Nested lists of scalars, as nested tuples: expressions and output trees, whose meaning is
    checked elsewhere."""
    if not isinstance(value, list):
        return read_scalar(value)
    if depth > MAX_DEPTH:
        raise MisfitError(f"nested deeper than {MAX_DEPTH}")
    return tuple([read_tree(item, depth + 1) for item in value])


def write_tree(value: object) -> Any:
    """The opposite of :func:`read_tree`."""
    if isinstance(value, (list, tuple)):
        return [write_tree(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    return value


def _other_keys(
    value: Mapping[str, object], fields: Mapping[str, object], every: Mapping[str, object]
) -> MisfitError:
    missing = [key for key in fields if key not in value]
    if missing:
        return MisfitError(f"missing key(s): {', '.join(missing)}")
    unknown = [key for key in value if key not in every]
    return MisfitError(f"unknown key(s): {', '.join(map(reprlib.repr, unknown[:8]))}")


def _read_float_name(value: object) -> str:
    if value not in _FLOATS:
        raise unlike('"inf", "-inf" or "nan"', value)
    return str(value)


_read_float = read_object({"float": _read_float_name})
