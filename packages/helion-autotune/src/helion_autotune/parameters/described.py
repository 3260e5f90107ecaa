"""Parameters again from what :meth:`Parameter.describe` said of them, as records keep it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from helion_autotune.parameters.composite import ListOf, Permutation
from helion_autotune.parameters.continuous import Float
from helion_autotune.parameters.discrete import Boolean, Choice, Integer, PowerOfTwo

if TYPE_CHECKING:
    from helion_autotune.parameters.parameter import Parameter

Description = Mapping[str, Any]

_KINDS: Mapping[str, Callable[[Description], Parameter]] = {
    "power_of_two": lambda d: PowerOfTwo(d["low"], d["high"], default=d["default"]),
    "integer": lambda d: Integer(d["low"], d["high"], default=d["default"]),
    "float": lambda d: Float(d["low"], d["high"], log=d["log"], default=d["default"]),
    "choice": lambda d: Choice(d["values"], default=d["default"]),
    "boolean": lambda d: Boolean(default=d["default"]),
    "permutation": lambda d: Permutation(d["n"], default=d["default"]),
    "list_of": lambda d: ListOf(described_parameter(d["of"]), d["n"], default=d["default"]),
}


def described_parameter(description: Description) -> Parameter:
    """The parameter of this description; raises ValueError for a kind that this package does not have."""
    make = _KINDS.get(description["kind"])
    if make is None:
        raise ValueError(
            f"records describe a parameter of kind {description['kind']!r}; "
            f"known are {', '.join(_KINDS)}"
        )
    return make(description)
