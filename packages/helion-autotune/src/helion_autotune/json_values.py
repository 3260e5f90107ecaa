"""Values that JSON can carry, made immutable, and one canonical text for each.

In: anything built of null, booleans, numbers, text, lists, tuples and mappings with text keys.
Out: the same with tuples for lists and read-only mappings for mappings; or its canonical text.
The canonical text tells 1, 1.0 and true apart, which ``==`` does not; it is the identity of a point in the records.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii
from types import MappingProxyType
from typing import Any

#: None | bool | int | float | str | tuple[JsonValue, ...] | Mapping[str, JsonValue]
JsonValue = Any


def freeze(value: Any) -> JsonValue:
    """An immutable copy of ``value``; raises TypeError for what JSON cannot carry."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"JSON has no number for {value!r}")
        return value
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"keys of a JSON object are text, not {key!r}")
        return MappingProxyType({key: freeze(item) for key, item in value.items()})
    raise TypeError(
        f"{value!r} ({type(value).__name__}) is not a JSON value: "
        "use null, booleans, numbers, text, lists or mappings of those"
    )


def thaw(value: JsonValue) -> Any:
    """What ``json.dumps`` takes: lists for tuples, dicts for mappings."""
    if isinstance(value, tuple):
        return [thaw(item) for item in value]
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    return value


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_WORDS = {None: "null", True: "true", False: "false"}


def canonical_text(value: JsonValue) -> str:
    """The one JSON text of a value: keys sorted, no spaces."""
    # Most values are as short as that, and searches ask for thousands.
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if type(value) is int:
        return str(value)
    if type(value) is str:
        return encode_basestring_ascii(value)
    return _ENCODER.encode(thaw(value))


def canonical_object(values: Mapping[str, JsonValue]) -> str:
    """The canonical text of a mapping, each value by itself."""
    entries = (
        f"{encode_basestring_ascii(name)}:{canonical_text(values[name])}" for name in sorted(values)
    )
    return "{" + ",".join(entries) + "}"
