"""What runs when nobody chose: the first seed that the advice admits, or the first one made smaller until it does,
with more warps to share it where it cannot be smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_autotune import Point, Space


def default_point(space: Space, points: Sequence[Point]) -> Point:
    """One of ``points``, or a smaller relative of the first: the smallest where not even that fits."""
    for point in points:
        if not space.check(point):
            return point
    point = points[0]
    while space.check(point) and (smaller := _smaller(space, point)) is not None:
        point = smaller
    return point


def _smaller(space: Space, point: Point) -> Point | None:
    """The point with one pipeline stage less, its largest block halved, or twice the warps; None at the least."""
    stages = point.get("num_stages", 1)
    if isinstance(stages, int) and stages > 2:
        return space.point({**point, "num_stages": stages - 1})
    blocks = {
        name: size
        for name, size in point.items()
        if name.startswith("block_sizes[") and space.parameters[name].problem(size // 2) is None
    }
    if not blocks:
        return _shared_by_more(space, point)
    largest = max(blocks, key=lambda name: blocks[name])
    return space.point({**point, largest: blocks[largest] // 2})


def _shared_by_more(space: Space, point: Point) -> Point | None:
    more = int(point.get("num_warps", 0)) * 2
    if not more or space.parameters["num_warps"].problem(more) is not None:
        return None
    return space.point({**point, "num_warps": more})
