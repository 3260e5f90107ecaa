"""The default search beside pattern search on what was recorded of our kernels on an H200, without a GPU."""

from __future__ import annotations

from benchmarks.defaults_on_sweeps import SWEEPS
from helion_autotune.replay import compare, recordings
from helion_autotune.strategies.default import DefaultSearch
from helion_autotune.strategies.pattern import PatternSearch


def test_the_default_is_ahead_of_pattern_search_with_few_evaluations() -> None:
    found = recordings([SWEEPS])
    assert len(found) == 18
    strategies = {"default": DefaultSearch, "pattern": PatternSearch}
    comparison = compare(found, strategies, seeds=3, after=[32, 64])
    assert comparison.row("default", 64).regret.mean < 0.005
    for evaluations in comparison.after:
        behind = comparison.row("pattern", evaluations).behind
        assert behind is not None
        assert behind.mean > 0.001, evaluations
