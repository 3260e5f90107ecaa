"""What someone with nothing but helion-autotune can do: tune anything with a declared space. Here, a sum of squares."""

import math
import tempfile

from helion_autotune import (
    Budget,
    Choice,
    Measurement,
    Point,
    PowerOfTwo,
    Space,
    known_strategies,
    strategy,
    tune,
)


class Cost:
    """A workload whose time is a formula: fastest at size 64, order "b"; size 1 is broken and reported as such."""

    def compile(self, point: Point) -> Point:
        """Refuse one point, as a compiler would."""
        if point["size"] == 1:
            raise RuntimeError("size 1 does not compile")
        return point

    def measure(self, point: Point, incumbent_ms: float | None) -> Measurement:
        """Milliseconds, from the formula."""
        return Measurement(1.0 + (math.log2(point["size"]) - 6) ** 2 + (point["order"] != "b"))


space = Space({"size": PowerOfTwo(1, 1024), "order": Choice(("a", "b", "c"))})
with tempfile.TemporaryDirectory() as folder:
    result = tune(space, Cost(), budget=Budget(evaluations=200), records=f"{folder}/records")
    assert dict(result.best.point) == {"size": 64, "order": "b"}, result.best
    failed = [trial for trial in result.trials if not trial.ok]
    assert all(trial.point["size"] == 1 for trial in failed)
    again = tune(space, Cost(), budget=Budget(evaluations=200), records=f"{folder}/records")
    assert again.best.point == result.best.point

assert set(known_strategies()) >= {"default", "direct", "dual_annealing", "warm_start"}
made = [strategy(name) for name in known_strategies()]  # what is registered is in the wheel
assert all(hasattr(one, "search") for one in made), made
