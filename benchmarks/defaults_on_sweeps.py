"""How good the untuned configs are, by what was recorded of their kernels: a check of the model without a GPU.

python -m benchmarks.defaults_on_sweeps [CASE ...] [--sweeps benchmarks/sweeps/h200] [--mistakes 3]
    [--output FILE] [--against FILE]

For each recorded case of the suite: the time recorded of the config that the model chooses today, or of the nearest
config with a record, beside the best time recorded; and the rank correlation (Spearman's) of estimates and times, over
all that the model tells apart. ``--mistakes`` lists where the model errs most, and which of its terms it takes for the
slowest there. ``--output`` keeps the figures, ``--against`` puts kept ones beside.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch
from scipy.stats import spearmanr

from benchmarks.suite.case import Maker
from benchmarks.suite.cases import named
from benchmarks.suite.examples import kernel_of
from helion_autotune.replay import recordings
from helion_compiler.space.means import Means

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.suite.case import Case
    from helion_autotune import Point
    from helion_autotune.replay.recording import Recording
    from helion_compiler.space.config_space import ConfigSpace

SWEEPS = Path(__file__).resolve().parent / "sweeps" / "h200"
ESTIMATED = (
    "block_sizes[",
    "reduction_loops[",
    "num_warps",
    "num_stages",
    "pid_type",
    "range_num_stages[",
)
"""The parameters that the model looks at."""
MEANS = 0.125
"""How far apart two values of a parameter are that the model does not look at, in halvings of one that it does."""


class Shapes(Maker):
    """Makes tensors of which only the metadata is asked for: their memory is never touched."""

    def randn(self, *shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
        """Not even drawn."""
        return torch.empty(shape, dtype=dtype)

    rand = randn

    def integers(
        self,
        low: int,  # noqa: ARG002  # any will do
        high: int,  # noqa: ARG002  # as above
        *shape: int,
        dtype: torch.dtype = torch.int64,
    ) -> torch.Tensor:
        """Not drawn, either."""
        return torch.empty(shape, dtype=dtype)

    def offsets(self, items: int, longest: int) -> torch.Tensor:
        """Of items that are half as long as the longest, as those that are drawn are on average."""
        return torch.arange(items + 1) * (longest // 2)


@attrs.frozen
class Mistake:
    """Points that the model cannot tell apart: its estimate and the best time recorded of them, in microseconds."""

    estimate: float
    measured: float
    slowest: str
    point: Mapping[str, Any]


@attrs.frozen
class Judgement:
    """How the model does on one case. Times are in microseconds.

    ``default`` is the time of the nearest point with a record; ``apart`` tells what it has otherwise than the config
    that would run. ``rank`` is None where the kernel has no estimates.
    """

    name: str
    best: float
    default: float
    apart: tuple[str, ...]
    rank: float | None
    mistakes: tuple[Mistake, ...]

    @property
    def share(self) -> float:
        """Of the best speed recorded."""
        return self.best / self.default


def space_of(case: Case) -> ConfigSpace:
    """The space of a case on a Hopper GPU, as sweeps know it: without roles of warps or rows that are renewed."""
    arguments = case.arguments(Shapes("cpu", torch.Generator()), *case.sizes)
    space: ConfigSpace = kernel_of(case).bind(arguments).config_spec
    assert isinstance(space.means, Means)
    return attrs.evolve(space.without_renewed(), means=space.means.of_own_loops())


def judged(recording: Recording, space: ConfigSpace, mistakes: int) -> Judgement:
    """Compare the model's choice and estimates with a recording."""
    times = {
        point: trial.milliseconds * 1e3 for point, trial in recording.trials.items() if trial.ok
    }
    default = space.point(space.default_config())
    near = min(times, key=lambda point: (_apart(default, point), times[point]))
    found = _estimates(space, times)
    return Judgement(
        name=recording.name,
        best=min(times.values()),
        default=times[near],
        apart=tuple(sorted(name for name in near if near[name] != default.get(name))),
        rank=_rank(found),
        mistakes=_worst(found, mistakes),
    )


def _estimates(space: ConfigSpace, times: Mapping[Point, float]) -> list[Mistake]:
    """The estimate of each group of points that the model cannot tell apart, with the best time among them."""
    if space.model is None:
        return []
    groups: dict[tuple[Any, ...], Point] = {}
    for point, taken in times.items():
        key = tuple(point[name] for name in point if name.startswith(ESTIMATED))
        if key not in groups or taken < times[groups[key]]:
            groups[key] = point
    found = []
    for point in groups.values():
        terms = space.model.terms(point)
        slowest = max(terms, key=lambda name: terms[name])
        seen = {name: value for name, value in point.items() if name.startswith(ESTIMATED)}
        found.append(Mistake(space.model.seconds(point) * 1e6, times[point], slowest, seen))
    return found


def _rank(found: Sequence[Mistake]) -> float | None:
    if not found:
        return None
    return float(spearmanr([one.estimate for one in found], [one.measured for one in found])[0])


def _worst(found: Sequence[Mistake], number: int) -> tuple[Mistake, ...]:
    """The estimates that are farthest off, among the tenth of the points that are taken for the best and the tenth
    that is: others mislead nobody.
    """
    tenth = -(-len(found) // 10)
    best = {id(one): one for one in sorted(found, key=lambda one: one.estimate)[:tenth]}
    best |= {id(one): one for one in sorted(found, key=lambda one: one.measured)[:tenth]}
    off = {key: math.log(one.measured / one.estimate) for key, one in best.items()}
    usual = sum(off.values()) / max(len(off), 1)
    return tuple(best[key] for key in sorted(off, key=lambda key: -abs(off[key] - usual))[:number])


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How far apart two points are, in halvings of what the model looks at."""
    total = 0.0
    for name in one.keys() | other.keys():
        first, second = one.get(name), other.get(name)
        if first != second:
            total += _steps(first, second) if name.startswith(ESTIMATED) else MEANS
    return total


def _steps(first: object, second: object) -> float:
    if isinstance(first, int) and isinstance(second, int) and first > 0 and second > 0:
        return abs(math.log2(first / second))
    return 1.0


def table(found: Sequence[Judgement], before: Mapping[str, float]) -> str:
    """Markdown, with the shares of an earlier judgement where there are some."""
    lines = ["| case | best, µs | default, µs | share | before | rank | record differs in |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for one in found:
        earlier = f"{before[one.name]:.3f}" if one.name in before else "-"
        rank = "-" if one.rank is None else f"{one.rank:.2f}"
        lines.append(
            f"| {one.name} | {one.best:.1f} | {one.default:.1f} | {one.share:.3f} | {earlier} | {rank} | "
            f"{', '.join(one.apart)} |"
        )
    mean = _mean(one.share for one in found)
    was = _mean(before[one.name] for one in found if one.name in before)
    lines.append(f"| *geometric mean* | | | {mean:.3f} | {f'{was:.3f}' if before else '-'} | | |")
    return "\n".join(lines)


def _mean(shares: Iterable[float]) -> float:
    logs = [math.log(share) for share in shares]
    return math.exp(sum(logs) / max(len(logs), 1))


def _told(one: Mistake) -> str:
    keys = " ".join(f"{name}={value}" for name, value in one.point.items())
    return f"  {one.estimate:8.1f} estimated ({one.slowest}), {one.measured:8.1f} measured: {keys}"


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", help="beginnings of names; default: all")
    parser.add_argument("--sweeps", type=Path, default=SWEEPS)
    parser.add_argument("--mistakes", type=int, default=0, metavar="N", help="list N a case")
    parser.add_argument("--output", type=Path, help="keep the shares here, as JSON")
    parser.add_argument("--against", type=Path, help="what --output kept before")
    given = parser.parse_args(arguments)
    found = [
        judged(recording, space_of(named(recording.name)), given.mistakes)
        for recording in recordings(sorted(given.sweeps.glob("*.jsonl.gz")))
        if not given.cases or recording.name.startswith(tuple(given.cases))
    ]
    before = json.loads(given.against.read_text()) if given.against else {}
    print(table(found, before))
    for one in found if given.mistakes else ():
        print(f"\n{one.name}", *map(_told, one.mistakes), sep="\n")
    if given.output:
        shares = {one.name: one.share for one in found}
        aside = given.output.with_suffix(".unfinished")
        aside.write_text(json.dumps(shares, indent=1) + "\n")
        aside.replace(given.output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
