"""Random choices, all from one number."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Draws:
    """A stream of choices; the same number gives the same ones everywhere."""

    def __init__(self, number: int) -> None:
        self._random = random.Random(f"random program {number}")

    def chance(self, probability: float) -> bool:
        """Whether something happens that does with this probability."""
        return self._random.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely."""
        return choices[self._random.randrange(len(choices))]

    def weighted(self, choices: Sequence[tuple[float, T]]) -> T:
        """One of the choices by weight."""
        return self._random.choices([c for _, c in choices], [w for w, _ in choices])[0]

    def integer(self, low: int, high: int) -> int:
        """One of ``low`` to ``high``, both included."""
        return self._random.randint(low, high)

    def shuffled(self, entries: Sequence[T]) -> list[T]:
        """The entries in another order."""
        return self._random.sample(list(entries), len(entries))
