from __future__ import annotations

import pytest

from helion_runtime.architecture import parse_architecture
from helion_runtime.errors import SchemaError


@pytest.mark.parametrize(
    ("arch", "runs", "does_not_run"),
    [
        ("sm_80", [(8, 0), (8, 6), (8, 9)], [(7, 5), (9, 0)]),
        ("sm_86", [(8, 6), (8, 9)], [(8, 0)]),
        ("sm_90a", [(9, 0)], [(9, 1), (10, 0), (8, 0)]),
        ("sm_100f", [(10, 0), (10, 3)], [(11, 0), (9, 0)]),
        ("ptx_80", [(8, 0), (8, 9), (9, 0), (12, 0)], [(7, 5)]),
        ("ptx_90a", [(9, 0)], [(10, 0), (8, 0)]),
        ("gfx942", [], [(9, 0), (9, 4)]),
    ],
)
def test_what_runs_where(
    arch: str, runs: list[tuple[int, int]], does_not_run: list[tuple[int, int]]
) -> None:
    parsed = parse_architecture(arch)
    assert all(parsed.runs_on(capability) for capability in runs)
    assert not any(parsed.runs_on(capability) for capability in does_not_run)


@pytest.mark.parametrize(
    "text", ["", "sm_9", "sm_90b", "sm_1000", "SM_90", "gfx", "sm_90a ", "cpu", 90, None]
)
def test_what_is_no_architecture(text: object) -> None:
    with pytest.raises(SchemaError, match="expected an architecture"):
        parse_architecture(text)
