"""What earlier sessions found for similar keys, as points of a space."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helion_autotune.objective import Objective
    from helion_autotune.point import Point
    from helion_autotune.space import Space


def similar_winners(space: Space, objective: Objective, count: int) -> list[Point]:
    """At most ``count`` points of this space: winners under the most similar keys, the nearest first.

    A winner of another space keeps the values of the names that both have; what then violates this space is left out.
    """
    points: dict[Point, None] = {}
    for result in objective.similar_results(4 * count):
        shared = {name: value for name, value in result.point.items() if name in space.parameters}
        point = space.point(shared)
        if shared and not space.check(point):
            points[point] = None
    return list(points)[:count]
