"""Untuned configs beside what was recorded of their kernels on an H200, without a GPU."""

from __future__ import annotations

import gzip
import json
import math
from typing import TYPE_CHECKING

import pytest

from benchmarks.defaults_on_sweeps import SWEEPS, judged, main, space_of, table
from benchmarks.suite.cases import named
from helion_autotune.replay import recordings

if TYPE_CHECKING:
    from pathlib import Path

RECORDED = sorted(file.name.removesuffix(".jsonl.gz") for file in SWEEPS.glob("*.jsonl.gz"))
LEAST = 0.84
"""Of the best speed recorded."""


@pytest.mark.parametrize("name", RECORDED)
def test_the_default_is_near_the_best_recorded(name: str) -> None:
    (recording,) = recordings([SWEEPS / f"{name}.jsonl.gz"])
    found = judged(recording, space_of(named(name)), mistakes=2)
    assert found.share >= LEAST, found
    if found.rank is not None:  # lanes alone have no estimates
        assert found.rank > 0.4, found
        assert len(found.mistakes) == 2


def test_a_default_without_a_record_is_judged_by_the_nearest(tmp_path: Path) -> None:
    """Where the default's own line is missing, and those that are as good are told apart by what the model sees."""
    name = "softmax-8192x8192"
    lines = gzip.decompress((SWEEPS / f"{name}.jsonl.gz").read_bytes()).decode().splitlines()
    space = space_of(named(name))
    default = space.point(space.default_config())
    kept = [
        line
        for line in lines
        if (trial := json.loads(line))["kind"] != "trial" or trial["point"] != dict(default)
    ]
    assert len(kept) < len(lines)
    path = tmp_path / f"{name}.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(kept).encode()))
    (recording,) = recordings([path])
    found = judged(recording, space, mistakes=0)
    assert found.apart
    assert not any(key.startswith(("block_sizes", "num_warps")) for key in found.apart)


def test_the_command_keeps_shares_and_compares_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "shares.json"
    assert main(["sum-8192", "--mistakes", "1", "--output", str(kept)]) == 0
    (share,) = json.loads(kept.read_text()).values()
    assert 0 < share <= 1
    assert "measured: block_sizes[tile]=" in capsys.readouterr().out
    assert main(["sum-8192", "--against", str(kept)]) == 0
    assert f"| {share:.3f} | {share:.3f} |" in capsys.readouterr().out


def test_the_table_ends_with_the_geometric_mean() -> None:
    (recording,) = recordings([SWEEPS / "sum-8192x8192.jsonl.gz"])
    one = judged(recording, space_of(named("sum-8192x8192")), mistakes=0)
    last = table([one, one], {one.name: one.share}).splitlines()[-1]
    assert f"| {one.share:.3f} | {one.share:.3f} |" in last
    assert math.isclose(one.share, one.best / one.default)
