"""Portfolios: few configs that keep every shape within so many percent of its best.

In: a :class:`TimeTable`. Out: the smallest portfolio within a bound, or, where that needs more configs than are
allowed, the portfolio of that many whose worst shape suffers least. Both are set covers, solved exactly as integer
programs.
Source: R. M. Karp, "Reducibility among Combinatorial Problems"
(1972); ``scipy.optimize.milp`` (HiGHS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.point import Point
    from helion_autotune.shapes.time_table import TimeTable


@attrs.frozen
class Portfolio:
    """``chosen``: the point of each shape; ``regrets``: what that loses; ``within``: whether the bound held."""

    points: tuple[Point, ...]
    chosen: Mapping[str, Point]
    regrets: Mapping[str, float]
    within: bool

    @property
    def worst(self) -> float:
        """The largest regret of a shape."""
        return max(self.regrets.values())

    def __str__(self) -> str:
        lines = []
        for number, point in enumerate(self.points, start=1):
            shapes = [shape for shape, own in self.chosen.items() if own == point]
            lines.append(f"config {number}: {point}")
            lines += [f"  {shape}: {self.regrets[shape]:.1%} above its best" for shape in shapes]
        return "\n".join(lines)


def portfolio(table: TimeTable, *, within: float = 0.05, at_most: int | None = None) -> Portfolio:
    """The fewest points that keep every shape within a share ``within`` of its best, but not more than ``at_most``.

    Where ``at_most`` points cannot do that, the bound gives way: it is the least that so many can keep, and ``within``
    of the result is False. Raises ValueError for a bound below 0, for fewer points than one, or when so few points
    cannot even run every shape.
    """
    if within < 0 or (at_most is not None and at_most < 1):
        raise ValueError(
            f"a portfolio has at least one point and a bound of 0 or more, got {at_most} and {within}"
        )
    chosen = _cover(table.regrets <= within)
    if at_most is None or (chosen is not None and len(chosen) <= at_most):
        assert chosen is not None  # the best point of each shape is always within
        return _portfolio(table, chosen, within=True)
    return _portfolio(table, _least_bound(table, at_most), within=False)


def _least_bound(table: TimeTable, at_most: int) -> list[int]:
    """The cover by ``at_most`` points whose bound is the least: bisection over the regrets that occur."""
    import numpy as np

    bounds = np.unique(table.regrets[np.isfinite(table.regrets)])
    low, high, best = 0, len(bounds) - 1, None
    while low <= high:
        middle = (low + high) // 2
        cover = _cover(table.regrets <= bounds[middle])
        if cover is not None and len(cover) <= at_most:
            best, high = cover, middle - 1
        else:
            low = middle + 1
    if best is None:
        raise ValueError(f"{at_most} points cannot run all of {', '.join(table.shapes)}")
    return best


def _cover(serves: NDArray[np.bool_]) -> list[int] | None:
    """The fewest columns of ``serves`` (shapes x points) such that each row has one; None when there are none."""
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp

    found = milp(
        np.ones(serves.shape[1]),
        integrality=np.ones(serves.shape[1]),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(serves.astype(float), lb=1),
    )
    return None if found.x is None else [int(one) for one in np.flatnonzero(found.x > 0.5)]


def _portfolio(table: TimeTable, columns: list[int], *, within: bool) -> Portfolio:
    import numpy as np

    own = [columns[int(index)] for index in np.argmin(table.milliseconds[:, columns], axis=1)]
    used = list(dict.fromkeys(own))
    rows = dict(zip(table.shapes, own, strict=True))
    return Portfolio(
        tuple(table.points[column] for column in used),
        {shape: table.points[column] for shape, column in rows.items()},
        {
            shape: float(table.regrets[number, column])
            for number, (shape, column) in enumerate(rows.items())
        },
        within,
    )
