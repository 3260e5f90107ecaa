"""The time of each config for each shape, and what follows from it.

In: milliseconds, shapes x points; ``inf`` where a point fails or was not measured. Out: regrets, which are shares by
which a point is slower than the best point of the table for that shape, and the one point that serves all shapes best.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.point import Point

    Array = NDArray[np.float64]

#: What "best for all" means: the mean slowdown (geometric), or the slowdown of the shape that suffers most.
Criterion = Literal["geometric_mean", "worst"]


@attrs.frozen(eq=False, slots=False)
class TimeTable:
    """``milliseconds[i, j]``: the time of ``points[j]`` for ``shapes[i]``. Every shape has a point that works."""

    shapes: tuple[str, ...]
    points: tuple[Point, ...]
    milliseconds: Array

    def __attrs_post_init__(self) -> None:
        import numpy as np

        wanted = (len(self.shapes), len(self.points))
        if self.milliseconds.shape != wanted or not all(wanted):
            raise ValueError(
                f"{wanted[0]} shapes x {wanted[1]} points need as many times, got {self.milliseconds.shape}"
            )
        best = self.milliseconds.min(axis=1)
        lost = [one for one, ms in zip(self.shapes, best, strict=True) if not np.isfinite(ms)]
        if lost:
            raise ValueError(f"no point works for {', '.join(lost)}")

    @cached_property
    def regrets(self) -> Array:
        """How much slower each point is than the best for that shape, as a share: 0.05 is five percent."""
        import numpy as np

        return np.asarray(self.milliseconds / self.milliseconds.min(axis=1, keepdims=True) - 1.0)

    def best_for(self, shape: str) -> Point:
        """The fastest point for one shape."""
        import numpy as np

        return self.points[int(np.argmin(self.milliseconds[self.shapes.index(shape)]))]

    def one_for_all(
        self, criterion: Criterion = "geometric_mean", shapes: Sequence[str] | None = None
    ) -> tuple[Point, float]:
        """The point that serves these shapes (default: all) best, and its regret by that criterion.

        Raises ValueError when no point works for all of them.
        """
        import numpy as np

        rows = [self.shapes.index(one) for one in (self.shapes if shapes is None else shapes)]
        slowdowns = 1.0 + self.regrets[rows]
        with np.errstate(divide="ignore"):
            scores = (
                np.exp(np.log(slowdowns).mean(axis=0))
                if criterion == "geometric_mean"
                else slowdowns.max(axis=0)
            )
        best = int(np.argmin(scores))
        if not np.isfinite(scores[best]):
            raise ValueError(f"no point works for all of {', '.join(self.shapes[row] for row in rows)}")  # fmt: skip
        return self.points[best], float(scores[best] - 1.0)

    def regret(self, shape: str, point: Point) -> float:
        """The regret of one point for one shape."""
        return float(self.regrets[self.shapes.index(shape), self.points.index(point)])
