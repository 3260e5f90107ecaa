"""What a search of seconds finds from nothing, seed by seed, beside the best config known.

python -m benchmarks.tuning_seeds [--cases matmul-4096x4096x4096 ...] [--seeds 7] [--output report.json]

Each search runs in a fresh process with empty caches, Triton's as well, and is timed from the call to its end: tracing,
the first worker, the oracle, compilation, measuring and the finalists are all in it. ``torch`` is imported and the GPU
awake before. Then one process measures every winner, the untuned config and the best config of the recorded sweep in
turns; the best of all of these is the best known. Needs a GPU to itself.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helion_autotune.replay import recordings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_autotune import Point

#: Seconds in which each case is to be tuned.
TARGETS = {
    "matmul-4096x4096x4096": 15.0,
    "attention-4x32x4096x128": 20.0,
    "softmax-8192x8192": 20.0,
    "rms_norm-8192x8192": 20.0,
    "layer_norm-8192x8192": 20.0,
    "cross_entropy-8192x32768": 20.0,
    "swiglu-8192x8192": 20.0,
}
#: Of a target, what is left for ending processes after the seconds of a call, which hold importing the compiler too.
AROUND = 0.5
EVALUATIONS = 100
SWEEPS = Path(__file__).parent / "sweeps" / "h200"
COMMAND = (sys.executable, "-m", "benchmarks.tuning_seeds")
UNTUNED, RECORDED = "untuned", "best of the sweep"


def search(case_name: str, seed: int, seconds: float, evaluations: int) -> dict[str, Any]:
    """One search from nothing, once the parent process says so."""
    import torch

    import helion
    from benchmarks.search_records import SearchRecord
    from benchmarks.suite.cases import named
    from benchmarks.suite.examples import kernel_of

    case = named(case_name)
    torch.zeros(1, device="cuda")
    torch.cuda.synchronize()
    print("ready", flush=True)
    sys.stdin.readline()
    args = case.make("cuda")
    torch.cuda.synchronize()
    cache = Path(os.environ["HELION_AUTOTUNE_CACHE"])
    start = time.time()
    kernel: Any = helion.kernel(
        kernel_of(case).fn, autotune_random_seed=seed, autotune_progress_bar=False
    )
    config = kernel.autotune(args, seconds=seconds, evaluations=evaluations)
    took = time.time() - start
    record = SearchRecord.of(cache)
    return {
        "seed": seed,
        "seconds": round(took, 2),
        "seconds_to_first_trial": round(record.times[0] - start, 2),
        "trials_ended_after": [round(at - start, 2) for at in record.times],
        "evaluations": record.evaluations,
        "statuses": record.statuses,
        "failures": record.failures,
        "wrong": record.wrong,
        "config": json.loads(config.to_json()),
    }


def compare(case_name: str, winners: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The milliseconds of each config, of what there is without a search, and of the limit, in turns.

    Searches that found the same config are timed once: a GPU at its power limit gives two runs of one kernel times
    that are several percent apart, which says nothing about what was found.
    """
    from functools import partial

    import helion
    from benchmarks.suite.cases import named
    from benchmarks.suite.examples import eager_of, kernel_of
    from benchmarks.suite.measuring import in_turns, milliseconds

    case = named(case_name)
    args = case.make("cuda")
    fn = kernel_of(case).fn
    untuned: Any = helion.kernel(fn, autotune_effort="none")
    spec = untuned.bind(args).config_spec
    configs = {name: helion.Config.from_dict(each) for name, each in winners.items()}
    configs[UNTUNED] = spec.default_config()
    recorded = best_recorded(case_name)
    if recorded is not None:
        configs[RECORDED] = spec.config(spec.point_of_seed(recorded))  # of fewer keys, perhaps
    points = {name: spec.point(config) for name, config in configs.items()}
    same_as = {name: first_equal(point, points) for name, point in points.items()}
    runs: dict[str, Any] = {
        name: partial(helion.kernel(fn, config=configs[name]), *args)
        for name in dict.fromkeys(same_as.values())
    }
    flops = None if case.flops is None else case.flops(*case.sizes)
    yardstick = case.limit.make(args, eager_of(case)(*args), flops)
    measures: dict[str, Callable[[], float]] = {
        name: partial(milliseconds, run) for name, run in runs.items()
    }
    measures["limit"] = lambda: milliseconds(yardstick.run) * yardstick.scale
    medians = {name: statistics.median(times) for name, times in in_turns(measures).items()}
    return {name: medians[same] for name, same in same_as.items()} | {"limit": medians["limit"]}


def first_equal(point: Point, points: Mapping[str, Point]) -> str:
    """The name of the first point that is the same as this one."""
    return next(name for name, each in points.items() if each == point)


def best_recorded(case_name: str) -> dict[str, Any] | None:
    """The fastest point of the recorded sweep; None where there is none."""
    path = SWEEPS / f"{case_name}.jsonl.gz"
    if not path.exists():
        return None
    (recording,) = recordings([path])
    worked = [trial for trial in recording.trials.values() if trial.ok]
    return dict(min(worked, key=lambda trial: trial.milliseconds).point)


class Waiting:
    """A process that has imported torch and waits to be told to search."""

    def __init__(self, case: str, seed: int, seconds: float, folder: Path) -> None:
        self.triton = folder / "triton"
        command = [*COMMAND, "--search", case, "--seed", str(seed), "--seconds", str(seconds)]
        environment = {
            **os.environ,
            "HELION_AUTOTUNE_CACHE": str(folder / "records"),
            "TRITON_CACHE_DIR": str(self.triton),
        }
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def begin(self) -> None:
        """Let it search as soon as it is ready."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line.strip() != "ready":
            raise SystemExit(f"a search ended with {self._process.wait()} before it began")
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Wait for what it finds."""
        output, _ = self._process.communicate()
        if self._process.returncode != 0:
            raise SystemExit(f"a search ended with {self._process.returncode}")
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        return found


def measure(case: str, seeds: Sequence[int], seconds: float, folder: Path) -> dict[str, Any]:
    """Every seed of a case, and the comparison."""
    found, merged = [], folder / "triton"
    current = Waiting(case, seeds[0], seconds, folder / str(seeds[0]))
    for following in (*seeds[1:], None):
        current.begin()
        # The next one imports torch while this one searches.
        after = (
            None
            if following is None
            else Waiting(case, following, seconds, folder / str(following))
        )
        found.append(current.end())
        print(f"  {told(found[-1])}", file=sys.stderr, flush=True)
        if current.triton.exists():
            shutil.copytree(current.triton, merged, dirs_exist_ok=True)
        if after is not None:
            current = after
    winners = {str(each["seed"]): each["config"] for each in found}
    done = subprocess.run(
        [*COMMAND, "--compare", case],
        env={**os.environ, "TRITON_CACHE_DIR": str(merged)},
        input=json.dumps(winners),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    times: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    best = min(ms for name, ms in times.items() if name != "limit")
    for each in found:
        each["milliseconds"] = times[str(each["seed"])]
        each["of_best"] = round(best / each["milliseconds"], 4)
    return {"case": case, "best_known_ms": best, "times": times, "searches": found}


def told(found: dict[str, Any]) -> str:
    """A line of one search, as soon as it is over."""
    return (
        f"seed {found['seed']}: {found['seconds']} s, the first trial after {found['seconds_to_first_trial']} s, "
        f"{found['statuses']} {found['failures'] or ''}".rstrip()
    )


def row(report: dict[str, Any]) -> str:
    """A line of the table."""
    searches, times = report["searches"], report["times"]
    seconds = [each["seconds"] for each in searches]
    reached = [each["of_best"] for each in searches]
    return (
        f"{report['case']:<28}{len(searches):>6}{statistics.median(seconds):>9.1f}{max(seconds):>8.1f}"
        f"{max(each['evaluations'] for each in searches):>7}{report['best_known_ms'] * 1e3:>10.1f}"
        f"{statistics.median(reached):>9.3f}{min(reached):>8.3f}"
        f"{report['best_known_ms'] / times[UNTUNED]:>9.3f}"
        f"{times['limit'] / report['best_known_ms']:>9.2f}"
    )


HEAD = (
    f"{'case':<28}{'seeds':>6}{'seconds':>9}{'most':>8}{'evals':>7}{'best µs':>10}"
    f"{'median':>9}{'least':>8}{'untuned':>9}{'of limit':>9}"
)


def main() -> None:
    """Print a line for each case, and write everything where that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="*", default=list(TARGETS))
    parser.add_argument("--seeds", type=int, default=7)
    parser.add_argument("--seconds", type=float, help="of every search; default: the targets")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--search", help=argparse.SUPPRESS)  # what a process of this one does
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--compare", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.search:
        print(json.dumps(search(given.search, given.seed, given.seconds, EVALUATIONS)))
        return
    if given.compare:
        print(json.dumps(compare(given.compare, json.load(sys.stdin))))
        return
    reports = []
    print(HEAD, flush=True)
    for case in given.cases:
        seconds = given.seconds or TARGETS.get(case, max(TARGETS.values())) - AROUND
        with tempfile.TemporaryDirectory() as folder:
            reports.append(measure(case, range(given.seeds), seconds, Path(folder)))
        print(row(reports[-1]), flush=True)
        if given.output is not None:
            given.output.write_text(json.dumps(reports, indent=1))


if __name__ == "__main__":
    main()
