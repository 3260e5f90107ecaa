"""One config for many shapes, buckets with their regret, portfolios."""

import itertools
import math

import numpy as np
import pytest

from helion_autotune import (
    Budget,
    Integer,
    Measurement,
    NoCandidateWorked,
    Point,
    PowerOfTwo,
    Records,
    Space,
    tune,
)
from helion_autotune.shapes import (
    ManyShapes,
    TimeTable,
    bucketed,
    contiguous_buckets,
    measure_everywhere,
    portfolio,
    tune_for_shapes,
)

SPACE = Space({"block": PowerOfTwo(1, 256), "depth": Integer(1, 4)})
POINTS = tuple(Point({"block": 2**place, "depth": 1}) for place in range(4))
FAILS = math.inf
#: Shapes grow, and so do the blocks that suit them; the third point suits none best, and none badly.
TABLE = TimeTable(
    ("16", "64", "256", "1024"),
    POINTS,
    np.asarray(
        [
            [1.0, 2.0, 1.1, FAILS],
            [2.0, 2.2, 2.1, 3.0],
            [9.0, 4.0, 4.2, 4.4],
            [40.0, 9.0, 8.8, 8.0],
        ]
    ),
)


def random_table(seed, shapes=6, points=7):
    rng = np.random.default_rng(seed)
    times = np.exp(rng.normal(0, 0.3, (shapes, points)))
    times[rng.random(times.shape) < 0.15] = FAILS
    times[np.arange(shapes), np.arange(shapes) % points] = 1.0
    names = tuple(str(2**number) for number in range(shapes))
    return TimeTable(names, tuple(Point({"x": x}) for x in range(points)), times)


# -- tables -------------------------------------------------------------------------------------


def test_regrets_are_shares_above_the_best_of_each_shape():
    assert TABLE.regret("16", POINTS[2]) == pytest.approx(0.1)
    assert TABLE.regret("16", POINTS[3]) == math.inf
    assert TABLE.best_for("1024") == POINTS[3]


def test_one_point_for_all_shapes():
    point, regret = TABLE.one_for_all("worst")
    assert point == POINTS[2]
    assert regret == pytest.approx(0.1)
    point, regret = TABLE.one_for_all("geometric_mean")
    assert point == POINTS[2]
    assert regret == pytest.approx((1.1 * 1.05 * 1.05 * 1.1) ** 0.25 - 1)
    assert TABLE.one_for_all(shapes=["256", "1024"])[0] == POINTS[3]


def test_a_table_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="no point works for b"):
        TimeTable(("a", "b"), POINTS[:1], np.asarray([[1.0], [FAILS]]))
    with pytest.raises(ValueError, match="2 shapes x 1 points need as many times"):
        TimeTable(("a", "b"), POINTS[:1], np.ones((1, 2)))
    crossed = TimeTable(("a", "b"), POINTS[:2], np.asarray([[1.0, FAILS], [FAILS, 1.0]]))
    with pytest.raises(ValueError, match="no point works for all of a, b"):
        crossed.one_for_all()


# -- buckets ------------------------------------------------------------------------------------


def test_buckets_print_their_regrets():
    buckets = bucketed(TABLE, lambda shape: "small" if int(shape) < 100 else "large", "worst")
    assert buckets.point_for("64") == POINTS[0]
    assert buckets.point_for("1024") == POINTS[2]
    small, large = buckets.buckets
    assert (small.name, small.worst) == ("small", 0.0)
    assert large.worst == pytest.approx(0.1)
    assert large.mean == pytest.approx((1.05 * 1.1) ** 0.5 - 1)
    lines = str(buckets).splitlines()
    assert lines[0].split() == ["bucket", "shapes", "mean", "regret", "worst", "regret", "config"]
    assert lines[2].split()[:4] == ["large", "2", "7.5%", "10.0%"]
    with pytest.raises(KeyError):
        buckets.point_for("2048")


@pytest.mark.parametrize(("at_most", "count"), [(1, 1), (2, 1), (3, 3), (9, 3)])
def test_contiguous_buckets_are_no_more_than_help(at_most, count):
    buckets = contiguous_buckets(TABLE, at_most)
    assert [shape for one in buckets.buckets for shape in one.shapes] == list(TABLE.shapes)
    assert len(buckets.buckets) == count  # a second one alone lowers nothing


@pytest.mark.parametrize("seed", range(5))
def test_contiguous_buckets_are_the_best_there_are(seed):
    table = random_table(seed)
    count = len(table.shapes)
    for at_most in (2, 3):
        best = math.inf
        for cuts in itertools.combinations(range(1, count), at_most - 1):
            edges = [0, *cuts, count]
            spans = [table.regrets[a:b].max(axis=0).min() for a, b in itertools.pairwise(edges)]
            best = min(best, max(spans))
        if math.isinf(best):
            with pytest.raises(ValueError, match="some have no point"):
                contiguous_buckets(table, at_most)
        else:
            assert contiguous_buckets(table, at_most).worst == pytest.approx(best)


# -- portfolios ---------------------------------------------------------------------------------


def test_a_portfolio_keeps_every_shape_within_the_bound():
    assert portfolio(TABLE, within=0.11).points == (POINTS[2],)
    three = portfolio(TABLE, within=0.06)
    assert len(three.points) == 3
    assert three.within
    assert three.worst <= 0.06
    assert three.chosen["1024"] == POINTS[3]
    assert "1024: 0.0% above its best" in str(three)


def test_where_too_few_points_are_allowed_the_bound_gives_way():
    one = portfolio(TABLE, within=0.0, at_most=1)
    assert one.points == (POINTS[2],)
    assert not one.within
    assert one.worst == pytest.approx(0.1)


@pytest.mark.parametrize("seed", range(5))
def test_portfolios_are_the_best_there_are(seed):
    table = random_table(seed)

    def worst(columns):
        return table.regrets[:, columns].min(axis=1).max()

    for size in (1, 2, 3):
        best = min(worst(list(c)) for c in itertools.combinations(range(7), size))
        if math.isinf(best):
            with pytest.raises(ValueError, match="cannot run all of"):
                portfolio(table, within=0.0, at_most=size)
            continue
        assert portfolio(table, within=0.0, at_most=size).worst == pytest.approx(best)
        within = portfolio(table, within=best)
        assert len(within.points) <= size
        assert within.worst <= best + 1e-12


def test_a_bound_below_zero_and_no_points_are_refused():
    with pytest.raises(ValueError, match="at least one point"):
        portfolio(TABLE, within=-0.1)
    with pytest.raises(ValueError, match="at least one point"):
        portfolio(TABLE, at_most=0)


# -- searching ----------------------------------------------------------------------------------


class Size:
    """Fastest where the block is the size; blocks over eight times the size fail."""

    def __init__(self, size):
        self.size, self.measured = size, []

    def compile(self, point):
        if point["block"] > 8 * self.size:
            raise RuntimeError("too large")
        return point

    def measure(self, candidate, incumbent_ms):
        self.measured.append(candidate)
        octaves = abs(math.log2(candidate["block"] / self.size))
        return Measurement(self.size * (1 + 0.1 * octaves + 0.05 * (candidate["depth"] != 2)))


SIZES = {"4": 4, "16": 16, "128": 128}


def test_one_search_for_all_shapes():
    workloads = {shape: Size(size) for shape, size in SIZES.items()}
    result = tune(SPACE, ManyShapes(workloads), strategy="finite", jobs=1)
    assert result.best.point.to_json() == {"block": 16, "depth": 2}
    best_ms = {shape: float(size) for shape, size in SIZES.items()}
    worst = ManyShapes(workloads, "worst", best_ms)
    result = tune(SPACE, worst, strategy="finite", jobs=1)
    assert result.best.point["block"] in (16, 32)
    assert result.best.milliseconds == pytest.approx(1.3)
    with pytest.raises(ValueError, match="missing: 128, 16, 4"):
        ManyShapes(workloads, "worst")
    with pytest.raises(ValueError, match="there must be a shape"):
        ManyShapes({})


@pytest.mark.parametrize("strategy", ["default", "finite", "pattern"])
def test_shapes_are_tuned_in_turn_and_winners_measured_everywhere(tmp_path, strategy):
    records = Records(tmp_path / "r.jsonl")

    def run():
        workloads = {shape: Size(size) for shape, size in SIZES.items()}
        budget = Budget(evaluations=60)
        table = tune_for_shapes(
            SPACE, workloads, strategy=strategy, budget=budget, records=records, jobs=1
        )
        return table, [set(workload.measured) for workload in workloads.values()]

    table, measured = run()
    assert table.shapes == tuple(SIZES)
    assert [point["block"] for point in table.points] == [4, 16, 128]
    assert {point["depth"] for point in table.points} == {2}
    assert table.milliseconds[0].tolist() == pytest.approx([4.0, 4.8, FAILS])
    again, anew = run()
    assert again.milliseconds.tolist() == table.milliseconds.tolist()
    # Finalists; and of a search that ends before the space does, what it finds worth trying, knowing all of that.
    finalists = 4
    more = {"default": 3, "finite": 0, "pattern": 0}[strategy]
    assert all(len(now) <= finalists + more for now in anew)
    assert all(len(before) > 2 * finalists for before in measured)


def test_a_shape_for_which_nothing_works_is_named():
    workloads = {"1": Size(1), "128": Size(128)}
    points = [SPACE.point({"block": 128})]
    with pytest.raises(ValueError, match=r"no point works for 1$"):
        measure_everywhere(SPACE, workloads, points, jobs=1)
    with pytest.raises(NoCandidateWorked):
        tune_for_shapes(Space({"block": PowerOfTwo(64, 64), "depth": Integer(1, 2)}), workloads)
