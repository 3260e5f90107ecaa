"""Recording sweeps without a GPU: which points, in as many processes as it takes, resumed and packed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.record_sweep import Sweep, SweepSearch, main
from helion_autotune import conformance, tune
from helion_autotune.replay import recordings

ROOT = Path(__file__).resolve().parents[1]
SMALL = SweepSearch(random=40, around=10, batch=16)


def test_a_sweep_looks_around_seeds_anywhere_and_around_the_best() -> None:
    space = conformance.space()
    seed = space.point({"block": 64, "depth": 6})
    result = tune(space, conformance.Bowl(), strategy=SMALL, seeds=[seed], finalists=0, jobs=1)
    points = [trial.point for trial in result.trials]
    assert len(points) == len(set(points))
    assert 1 + 10 + 40 + 10 < len(points) <= 1 + 10 + 40 + 10 + 10  # there may be fewer around
    near, beyond = set(space.neighbours(seed)), points[1:11]
    assert sum(point in near for point in beyond) == 5
    assert result.best.milliseconds < 1.3


WORKER = """
import sys
from pathlib import Path
from benchmarks.record_sweep import SweepSearch
from helion_autotune import Budget, conformance, tune
name, output = sys.argv[2], Path(sys.argv[4])
runs = output / f"{name}.runs"
number = int(runs.read_text()) if runs.exists() else 0
runs.write_text(str(number + 1))
class Fragile(conformance.Bowl):
    def measure(self, candidate, incumbent_ms):
        if name == "fragile" and number < 2 and len(self.measured) == 15:
            sys.exit(9)
        return super().measure(candidate, incumbent_ms)
if name == "broken":
    sys.exit(8)
tune(conformance.space(), Fragile(), strategy=SweepSearch(40, 10), key=name, jobs=1, finalists=0,
     records=output / "unfinished" / name / "kernel.jsonl")
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    worker = tmp_path / "worker.py"
    worker.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{WORKER}")
    return Sweep(
        output=tmp_path,
        random=40,
        around=10,
        seconds=300,
        case_seconds=100,
        command=(sys.executable, str(worker)),
    )


def test_a_process_that_dies_is_started_anew_and_goes_on(sweep: Sweep) -> None:
    assert sweep.record(["fragile", "sound"]) == []
    assert (sweep.output / "fragile.runs").read_text() == "3"
    (recording,) = recordings([sweep.packed("fragile")])
    (whole,) = recordings([sweep.packed("sound")])
    assert list(recording.trials) == list(whole.trials)  # nothing lost, nothing else
    assert (recording.name, recording.key) == ("fragile", "fragile")


def test_a_case_that_gets_nowhere_is_left_and_the_next_one_recorded(sweep: Sweep) -> None:
    assert sweep.record(["broken", "sound"]) == ["broken"]
    assert (sweep.output / "broken.runs").read_text() == "2"
    assert recordings([sweep.packed("sound")])


def test_what_is_done_is_not_done_again(sweep: Sweep) -> None:
    sweep.record(["sound"])
    before = sweep.packed("sound").read_bytes()
    assert sweep.record(["sound"]) == []
    assert (sweep.output / "sound.runs").read_text() == "1"
    assert sweep.packed("sound").read_bytes() == before


def test_a_part_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--output", "x", "--part", "2/2"])
    assert "parts of 2 are 0/2 to 1/2" in capsys.readouterr().err
