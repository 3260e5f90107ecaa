"""One config for each bucket of shapes, and the regret that each bucket was measured to have.

In: a :class:`TimeTable`. Out: buckets, either as a function of the shape says, or contiguous ones (shapes in the order
of the table, by size say) of which the worst regret is the least possible, by dynamic programming.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_autotune.point import Point
    from helion_autotune.shapes.time_table import Criterion, TimeTable


@attrs.frozen
class Bucket:
    """Shapes that run ``point``; regrets are those of its shapes, in their order."""

    name: str
    shapes: tuple[str, ...]
    point: Point
    regrets: tuple[float, ...]

    @property
    def worst(self) -> float:
        """The largest regret of a shape."""
        return max(self.regrets)

    @property
    def mean(self) -> float:
        """The geometric mean slowdown, less one."""
        return math.exp(sum(math.log1p(one) for one in self.regrets) / len(self.regrets)) - 1.0


@attrs.frozen
class Buckets:
    """All buckets; ``str`` of it is a table with the regret of each."""

    buckets: tuple[Bucket, ...]

    def point_for(self, shape: str) -> Point:
        """What a shape runs; raises KeyError for one that is in no bucket."""
        for bucket in self.buckets:
            if shape in bucket.shapes:
                return bucket.point
        raise KeyError(shape)

    @property
    def worst(self) -> float:
        """The largest regret of all."""
        return max(bucket.worst for bucket in self.buckets)

    def __str__(self) -> str:
        width = max(len("bucket"), *(len(bucket.name) for bucket in self.buckets))
        lines = [f"{'bucket':{width}}  shapes  mean regret  worst regret  config"]
        lines += [
            f"{one.name:{width}}  {len(one.shapes):6}  {one.mean:11.1%}  {one.worst:12.1%}  {one.point}"
            for one in self.buckets
        ]
        return "\n".join(lines)


def bucketed(
    table: TimeTable,
    bucket_of: Callable[[str], str],
    criterion: Criterion = "geometric_mean",
) -> Buckets:
    """A bucket for each name that ``bucket_of`` gives a shape, in the order in which they come up.

    Raises ValueError when no point works for all shapes of a bucket.
    """
    members: dict[str, list[str]] = {}
    for shape in table.shapes:
        members.setdefault(bucket_of(shape), []).append(shape)
    return Buckets(
        tuple(_bucket(table, name, shapes, criterion) for name, shapes in members.items())
    )


def contiguous_buckets(table: TimeTable, at_most: int) -> Buckets:
    """At most so many runs of neighbouring shapes, such that the worst regret is the least possible.

    Raises ValueError when so few buckets cannot be.
    """
    count = len(table.shapes)
    worst = table.regrets
    # spans[i][j]: the least worst regret of one point for the shapes i to j - 1.
    spans = [
        [math.inf if j <= i else float(worst[i:j].max(axis=0).min()) for j in range(count + 1)]
        for i in range(count)
    ]
    reached: list[tuple[float, tuple[int, ...]]] = [(0.0, ()), *[(math.inf, ())] * count]
    for _ in range(min(at_most, count)):
        step = list(reached)
        for end in range(1, count + 1):
            for start in range(end):
                cost = max(reached[start][0], spans[start][end])
                if cost < step[end][0]:
                    step[end] = (cost, (*reached[start][1], start))
        reached = step
    cost, starts = reached[count]
    if math.isinf(cost):
        raise ValueError(f"with {at_most} buckets, some have no point that works for all of their shapes")  # fmt: skip
    ends = (*starts[1:], count)
    runs = [table.shapes[start:end] for start, end in zip(starts, ends, strict=True)]
    return Buckets(tuple(_bucket(table, _run_name(run), run, "worst") for run in runs))


def _bucket(table: TimeTable, name: str, shapes: Sequence[str], criterion: Criterion) -> Bucket:
    point, _ = table.one_for_all(criterion, shapes)
    return Bucket(name, tuple(shapes), point, tuple(table.regret(one, point) for one in shapes))


def _run_name(run: Sequence[str]) -> str:
    return run[0] if len(run) == 1 else f"{run[0]} … {run[-1]}"
