"""Exhaustive search: every point of a list, or of a space that can be listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.strategies.rounds import in_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np

    from helion_autotune.objective import Objective
    from helion_autotune.space import Space


def _listed(points: Iterable[Mapping[str, Any]] | None) -> tuple[Mapping[str, Any], ...] | None:
    return None if points is None else tuple(points)


@attrs.frozen
class FiniteSearch:
    """The given points in order, or all points of the space, ``batch`` at a time."""

    points: tuple[Mapping[str, Any], ...] | None = attrs.field(default=None, converter=_listed)
    batch: int = 64

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:  # noqa: ARG002 - nothing is random here
        """See :class:`helion_autotune.Strategy`; raises TypeError when the space cannot be listed."""
        points = space.points() if self.points is None else map(space.point, self.points)
        in_batches(objective, points, self.batch)
