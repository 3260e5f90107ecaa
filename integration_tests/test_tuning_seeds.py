"""The benchmark of searches from nothing: what needs no GPU of it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks import tuning_seeds
from benchmarks.search_records import SearchRecord
from benchmarks.suite.cases import named
from benchmarks.tuning_seeds import TARGETS, Waiting, best_recorded, first_equal, measure, row
from helion_autotune import Point, PowerOfTwo, Records, Space, Status, StoredResult, Trial
from helion_autotune.replay.recording import recordings

if TYPE_CHECKING:
    from pathlib import Path

SEARCHING = """
import json, sys
print("ready", flush=True)
sys.stdin.readline()
seed = int(sys.argv[sys.argv.index("--seed") + 1])
print("something that a library prints")
print(json.dumps({"seed": seed, "seconds": 10.0 + seed, "seconds_to_first_trial": 2.0, "evaluations": 60 + seed,
                  "statuses": {"ok": 60 + seed}, "failures": {"no room": 2} if seed else {},
                  "config": {"num_warps": 4}}))
"""
COMPARING = """
import json, sys
winners = json.load(sys.stdin)
times = {name: 0.1 * (1 + int(name)) for name in winners}
print(json.dumps({**times, "untuned": 0.2, "best of the sweep": 0.125, "limit": 0.09}))
"""


def test_every_target_is_a_case_that_was_swept() -> None:
    for case in TARGETS:
        assert named(case).name == case
        (recorded,) = recordings([tuning_seeds.SWEEPS / f"{case}.jsonl.gz"])
        point = best_recorded(case)
        assert point is not None
        assert recorded.trial(recorded.space.point(point)).value == recorded.best_ms
    assert best_recorded("no-such-case") is None


def test_seeds_are_searched_in_turn_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"import sys\nexec({SEARCHING!r} if '--search' in sys.argv else {COMPARING!r})\n"
    )
    monkeypatch.setattr(tuning_seeds, "COMMAND", (sys.executable, str(program)))
    report = measure("softmax-8192x8192", (0, 1, 2), 1.0, tmp_path)
    assert [each["of_best"] for each in report["searches"]] == [
        1.0,
        0.5,
        pytest.approx(1 / 3, abs=1e-4),
    ]
    assert report["best_known_ms"] == pytest.approx(0.1)
    words = row(report).split()
    assert words == [
        "softmax-8192x8192", "3", "11.0", "12.0", "62", "100.0", "0.500", "0.333", "0.500", "0.90",
    ]  # fmt: skip
    told = capfd.readouterr().err.splitlines()
    assert "  seed 0: 10.0 s, the first trial after 2.0 s, {'ok': 60}" in told
    assert "  seed 1: 11.0 s, the first trial after 2.0 s, {'ok': 61} {'no room': 2}" in told
    assert json.loads(json.dumps(report)) == report


def test_a_search_that_fails_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_seeds, "COMMAND", (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(SystemExit, match="ended with 3 before it began"):
        Waiting("softmax-8192x8192", 0, 1.0, tmp_path).begin()


def test_what_records_say_of_a_search(tmp_path: Path) -> None:
    space, clock = Space({"block": PowerOfTwo(1, 8)}), iter(range(10))
    records = Records(
        tmp_path / "matmul.jsonl", now=lambda: f"2026-11-28T12:00:0{next(clock)}.500+00:00"
    )
    ended = {1: Status.OK, 2: Status.RUN_ERROR, 4: Status.OK, 8: Status.WRONG_RESULT}
    for block, status in ended.items():
        error = None if status is Status.OK else "no room\nat all"
        trial = Trial(Point({"block": block}), status, 0.5 / block, error=error)
        records.add_trial(space.fingerprint, "key", trial)
    for milliseconds, stopped in ((0.125, "the end"), (0.0, "chosen")):
        result = StoredResult(Point({"block": 4}), milliseconds, 1.0, 3, stopped)
        records.add_result(space.fingerprint, "key", result)
    found = SearchRecord.of(tmp_path)
    assert [time - found.times[0] for time in found.times] == [0.0, 1.0, 2.0, 3.0]
    assert (found.evaluations, found.statuses) == (4, {"ok": 2, "run_error": 1, "wrong_result": 1})
    assert found.failures == {"no room": 2}
    assert found.wrong == ({"block": 8},)
    assert found.best_ms == 0.125


def test_winners_that_are_the_same_are_timed_once() -> None:
    space = Space({"num_warps": PowerOfTwo(1, 8)})
    points = {str(seed): space.point({"num_warps": warps}) for seed, warps in enumerate((4, 8, 4))}
    assert [first_equal(point, points) for point in points.values()] == ["0", "1", "0"]
