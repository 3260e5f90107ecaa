"""What runs when nobody chose: the first seed that the advice admits, or the first one made smaller until it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_autotune import Point, Space


def default_point(space: Space, points: Sequence[Point]) -> Mapping[str, Any]:
    """One of ``points``, or a smaller relative of the first; the first itself where nothing smaller fits."""
    for point in points:
        if not space.check(point):
            return point
    smaller: Point | None = points[0]
    while smaller is not None:
        if not space.check(smaller):
            return smaller
        smaller = _smaller(space, smaller)
    return points[0]


def _smaller(space: Space, point: Point) -> Point | None:
    """The point with one pipeline stage less, or with its largest block halved; None at the least."""
    stages = point.get("num_stages", 1)
    if isinstance(stages, int) and stages > 2:
        return space.point({**point, "num_stages": stages - 1})
    blocks = {
        name: size
        for name, size in point.items()
        if name.startswith("block_sizes[") and space.parameters[name].problem(size // 2) is None
    }
    if not blocks:
        return None
    largest = max(blocks, key=lambda name: blocks[name])
    return space.point({**point, largest: blocks[largest] // 2})
