"""A campaign of injected faults, smaller than ``python -m benchmarks.fault_injection``: nothing else is lost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.fault_injection.campaign import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAULTS = {
    "candidates_that_do_harm": 26,
    "killed_workers": 5,
    "killed_sessions": 3,
    "full_disks": 2,
    "read_only_caches": 1,
    "rivals": 8,
}


@pytest.mark.skipif(sys.platform != "linux", reason="isolated measuring needs Linux")
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_nothing_else_is_lost(step: Callable[[Path, int], int], tmp_path: Path) -> None:
    wanted = FAULTS[step.__name__]
    assert (
        step(tmp_path, wanted) >= wanted - 1
    )  # a session may have ended before it was to be killed
