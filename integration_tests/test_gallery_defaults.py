"""The program that times the gallery's untuned configs: what it times, and what it says where it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks.gallery_defaults.__main__ import run_all, table
from benchmarks.gallery_defaults.sizes import SIZES
from benchmarks.space_correctness.cases import names
from benchmarks.suite.cases import CASES

if TYPE_CHECKING:
    from pathlib import Path


def test_every_example_is_timed_here_or_by_the_suite() -> None:
    cases = names()
    here = {cases[name].example for name in SIZES}
    untimed = {case.example for case in cases.values()} - here - {case.example for case in CASES}
    assert untimed == {"escape_hatches"}
    assert all(len(SIZES[name]) == len(cases[name].large) for name in SIZES)


def test_the_table_begins_with_the_slowest_default() -> None:
    results = [
        {"case": name, "kernel": name, "of_tuned": ratio, "default_ms": 1.0, "tuned_ms": ratio}
        for name, ratio in (("good", 0.95), ("bad", 0.5))
    ]
    lines = table(results).splitlines()
    assert [line.split()[0] for line in lines] == ["case", "bad", "good", "1"]
    assert lines[1].split() == ["bad", "bad", "1000.0", "500.0", "0.50"]
    assert lines[-1] == "1 of 2 defaults reach 0.8 of the tuned speed"


@pytest.mark.skipif(torch.cuda.is_available(), reason="it would measure")
def test_a_case_that_cannot_run_says_why_and_holds_no_other(tmp_path: Path) -> None:
    failures = run_all(["searchsorted", "linear_recurrence"], [0, 1], 1.0, 300.0, tmp_path)
    assert sorted(failures) == ["linear_recurrence", "searchsorted"]
    assert all("CUDA" in problem or "NVIDIA" in problem for problem in failures.values())
    assert run_all(["searchsorted"], [0], 1.0, 0.0, tmp_path) == {
        "searchsorted": "no time was left"
    }


def test_the_budget_is_not_the_fault_of_the_case_that_it_ends(tmp_path: Path) -> None:
    assert run_all(["searchsorted"], [0], 8.0, 0.1, tmp_path) == {
        "searchsorted": "the budget ended 0.1 s after it began"
    }
