"""What a space asks of a parameter.

Each kind knows its values and four views of them: a random one, the ones a step away, how far two are
apart (0 to 1), and coordinates in [0, 1] for solvers that think in vectors. ``decode(encode(value)) == value``
for every value that ``sample`` and ``decode`` return; a kind of one value has no coordinates, so no solver
wastes a dimension on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from helion_autotune.json_values import JsonValue


class Parameter(Protocol):
    """What a space asks of a parameter; all six kinds of this module are one, and so may be yours."""

    @property
    def default(self) -> JsonValue:
        """The value when nobody chose, and while the parameter is inactive."""

    @property
    def width(self) -> int:
        """How many coordinates ``encode`` gives."""

    @property
    def cardinality(self) -> float:
        """How many values there are; ``inf`` for a continuous parameter."""

    def values(self) -> Iterator[JsonValue]:
        """Every value, in order; raises TypeError where there is no end of them."""

    def problem(self, value: JsonValue) -> str | None:
        """Why ``value`` is none of this parameter's, or None when it is one."""

    def sample(self, rng: np.random.Generator) -> JsonValue:
        """A uniformly random value."""

    def neighbours(self, value: JsonValue) -> list[JsonValue]:
        """The values one step away from ``value``."""

    def distance(self, a: JsonValue, b: JsonValue) -> float:
        """How far apart two values are, from 0 (equal) to 1."""

    def encode(self, value: JsonValue) -> tuple[float, ...]:
        """Coordinates of ``value`` in [0, 1]."""

    def decode(self, coordinates: Sequence[float]) -> JsonValue:
        """The value nearest to these coordinates; anything outside [0, 1] is clipped."""

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON, for the space's fingerprint."""


def check_default(parameter: Parameter, default: JsonValue) -> None:
    """Raise ValueError when ``default`` is none of the parameter's values."""
    problem = parameter.problem(default)
    if problem is not None:
        raise ValueError(f"the default of {parameter!r} is none of its values: {problem}")


def is_integer(value: JsonValue) -> bool:
    """Whether this is an integer and not a boolean, which Python counts as one."""
    return isinstance(value, int) and not isinstance(value, bool)


def cell_of(coordinate: float, count: int) -> int:
    """The cell of [0, 1], cut in ``count`` equal cells, that holds ``coordinate``."""
    return min(max(int(coordinate * count), 0), count - 1)
