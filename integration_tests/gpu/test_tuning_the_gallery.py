"""Every kernel of the gallery is tuned: each config that is tried runs, and gives what the oracle expects."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
from benchmarks.space_correctness.cases import names
from gallery.calls import calls_of
from gallery.case import Maker
from helion_autotune.records import Records
from helion_autotune.trial import Status

if TYPE_CHECKING:
    from pathlib import Path

    from gallery.calls import KernelCall
    from helion_autotune import Trial

pytestmark = pytest.mark.gpu
TRIED = 5
SECONDS = 120.0
"""Enough for so many, however many of these tests share the machine."""
REFUSED = re.compile("needs .* (shared memory|registers)")
"""How a config may end besides: what a binary takes is known for certain only when there is one."""


@pytest.mark.parametrize("name", sorted(names()))
def test_a_search_finds_a_config_and_none_that_fails(name: str, tmp_path: Path) -> None:
    case = names()[name]
    for call in calls_of(case, case.large, Maker(case.usual_dtype, "cuda")):
        found = tuned(call, tmp_path / call.kernel.name)
        worked = [one for one in found if one.status is Status.OK]
        errors = [one.error or "" for one in found if one not in worked]
        failed = [error for error in errors if not REFUSED.search(error)]
        assert worked
        assert not failed


def tuned(call: KernelCall, cache: Path) -> list[Trial]:
    """The trials of a search, whose winner has run once more."""
    kernel: Any = helion.kernel(
        call.kernel.fn,
        autotune_cache=str(cache),
        autotune_progress_bar=False,
        autotune_benchmark_timeout=60.0,
        autotune_precompile_jobs=2,
    )
    with warnings.catch_warnings():
        # A kernel that follows addresses is measured in this process, which a test of its own shows.
        warnings.filterwarnings("ignore", message="candidates are measured in this process")
        config = kernel.autotune(call.arguments, evaluations=TRIED, seconds=SECONDS)
    kernel.bind(call.arguments).compile_config(config)(*call.arguments)
    torch.cuda.synchronize()
    (path,) = cache.glob("*.jsonl")
    return [line.trial for line in Records(path).trial_lines()]
