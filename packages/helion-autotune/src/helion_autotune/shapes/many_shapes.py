"""Many shapes as one workload: a search finds the one config that serves all of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.trial import Measurement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_autotune.point import Point
    from helion_autotune.shapes.time_table import Criterion
    from helion_autotune.workload import Workload


@attrs.frozen(eq=False)
class ManyShapes:
    """See :class:`helion_autotune.Workload`; a point fails when it fails for any shape.

    The "time" of a point is the geometric mean of its milliseconds, or the largest ratio to ``best_ms``, which has the
    best time known for each shape and is needed for the criterion "worst" alone.
    """

    workloads: Mapping[str, Workload[Any]]
    criterion: Criterion = "geometric_mean"
    best_ms: Mapping[str, float] | None = None

    def __attrs_post_init__(self) -> None:
        missing = self.workloads.keys() - (self.best_ms or {}).keys()
        if not self.workloads or (self.criterion == "worst" and missing):
            raise ValueError(
                "there must be a shape, and for the criterion 'worst' a best time of each; "
                f"missing: {', '.join(sorted(missing)) or 'every shape'}"
            )

    def compile(self, point: Point) -> dict[str, Any]:
        """A candidate for each shape."""
        return {shape: one.compile(point) for shape, one in self.workloads.items()}

    def measure(self, candidate: dict[str, Any], incumbent_ms: float | None) -> Measurement:  # noqa: ARG002 - one slow shape is no reason to give up
        """Each shape in turn; errors of one shape are errors of the point."""
        times = {
            shape: one.measure(candidate[shape], None).milliseconds
            for shape, one in self.workloads.items()
        }
        if self.criterion == "worst":
            assert self.best_ms is not None
            return Measurement(max(ms / self.best_ms[shape] for shape, ms in times.items()))
        logarithms = [math.log(max(ms, 1e-12)) for ms in times.values()]
        return Measurement(math.exp(math.fsum(logarithms) / len(logarithms)))
