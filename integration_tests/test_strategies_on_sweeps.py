"""The default search beside pattern search on what was recorded of our kernels on an H200, without a GPU."""

from __future__ import annotations

import pytest

from benchmarks.defaults_on_sweeps import SWEEPS
from helion_autotune.replay import compare, recordings
from helion_autotune.strategies.default import DefaultSearch
from helion_autotune.strategies.pattern import PatternSearch

RAGGED = ("hstu", "jagged")
"""Kernels over items of uneven lengths: their spaces have more blocks, of which sweeps know as many points."""


@pytest.mark.parametrize(
    ("ragged", "number", "most_regret"), [(False, 18, 0.005), (True, 5, 0.06)], ids=["", "ragged"]
)
def test_the_default_is_ahead_of_pattern_search_with_few_evaluations(
    ragged: bool, number: int, most_regret: float
) -> None:
    found = [one for one in recordings([SWEEPS]) if one.name.startswith(RAGGED) == ragged]
    assert len(found) == number
    strategies = {"default": DefaultSearch, "pattern": PatternSearch}
    comparison = compare(found, strategies, seeds=3, after=[32, 64])
    assert comparison.row("default", 64).regret.mean < most_regret
    for evaluations in comparison.after:
        behind = comparison.row("pattern", evaluations).behind
        assert behind is not None
        assert behind.mean > 0.001, evaluations
