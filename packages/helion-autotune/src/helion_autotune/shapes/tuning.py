"""Tunes one shape after the other, each from what the others found, and measures every winner for every shape.

In: a space, and a workload for each shape. Out: a :class:`TimeTable` of the winners, from which buckets and portfolios
follow. With records, nothing is measured twice, and another shape or config measures only what is new.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from helion_autotune.budget import NO_LIMIT, Budget
from helion_autotune.session import NoCandidateWorked, tune
from helion_autotune.shapes.time_table import TimeTable
from helion_autotune.strategies.finite import FiniteSearch

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from helion_autotune.json_values import JsonValue
    from helion_autotune.point import Point
    from helion_autotune.records import Records
    from helion_autotune.space import Space
    from helion_autotune.strategies import Strategy
    from helion_autotune.workload import Workload


def tune_for_shapes(
    space: Space,
    workloads: Mapping[str, Workload[Any]],
    *,
    strategy: str | Strategy = "default",
    budget: Budget = NO_LIMIT,
    seeds: Sequence[Mapping[str, JsonValue]] = (),
    records: Records | str | os.PathLike[str] | None = None,
    rng_seed: int = 0,
    jobs: int | None = None,
) -> TimeTable:
    """Search each shape within ``budget``, beginning with ``seeds`` and the winners of the shapes before it.

    Names of shapes are the keys of the records. Raises what :func:`helion_autotune.tune` raises.
    """
    winners: list[Mapping[str, JsonValue]] = []
    for shape, workload in workloads.items():
        result = tune(
            space,
            workload,
            strategy=strategy,
            budget=budget,
            seeds=[*seeds, *winners],
            key=shape,
            records=records,
            rng_seed=rng_seed,
            jobs=jobs,
        )
        winners.append(result.best.point)
    points = list(dict.fromkeys(space.point(winner) for winner in winners))
    return measure_everywhere(space, workloads, points, records=records, jobs=jobs)


def measure_everywhere(
    space: Space,
    workloads: Mapping[str, Workload[Any]],
    points: Sequence[Point],
    *,
    records: Records | str | os.PathLike[str] | None = None,
    jobs: int | None = None,
) -> TimeTable:
    """The time of each of ``points`` for each shape; one that fails for a shape has ``inf`` there.

    Raises ValueError when nothing works for some shape.
    """
    import numpy as np

    times = np.full((len(workloads), len(points)), math.inf)
    for row, (shape, workload) in enumerate(workloads.items()):
        try:
            trials = tune(
                space,
                workload,
                strategy=FiniteSearch(points),
                key=shape,
                records=records,
                jobs=jobs,
                finalists=0,
            ).trials
        except NoCandidateWorked:
            continue  # the table says for which shape
        found = {trial.point: trial.milliseconds for trial in trials}
        times[row] = [found[point] for point in points]
    return TimeTable(tuple(workloads), tuple(points), times)
