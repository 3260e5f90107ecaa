"""What hangs, computes for ever or compiles for minutes costs a campaign of random programs a minute, and is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from integration_tests.random_programs.check import check
from integration_tests.random_programs.configs import SlowToCompileError, first_that_runs
from integration_tests.random_programs.program import write
from integration_tests.random_programs.reduce import with_source
from integration_tests.random_programs.running import Worker

PASSES = 8
"""A program that passes."""


@helion.kernel
def doubled(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] * 2
    return out


def test_a_program_that_hangs_is_reported_and_its_process_replaced() -> None:
    """It sleeps where no signal wakes it, as native code does that waits for a GPU."""
    program = write(PASSES)
    asleep = with_source(program, f"import time\n\ntime.sleep(10_000)\n{program.source}")
    worker = Worker("cpu")
    try:
        outcome = worker.run(asleep, seconds=0.5)
        assert (outcome.kind, outcome.detail) == ("timeout", "no answer in 2 seconds")
        assert worker.run(program).kind == "passed"
    finally:
        worker.close()


def test_a_process_that_ends_is_a_crash() -> None:
    program = write(PASSES)
    ends = with_source(program, f"import os\n\nos._exit(3)\n{program.source}")
    worker = Worker("cpu")
    try:
        outcome = worker.run(ends)
        assert (outcome.kind, outcome.detail) == ("crash", "the process ended: 3")
    finally:
        worker.close()


def test_a_program_that_computes_for_too_long_says_where() -> None:
    program = write(PASSES)
    busy = with_source(program, f"while True:\n    pass\n{program.source}")
    outcome = check(busy, seconds=0.2)
    assert outcome.kind == "timeout"
    assert f'helion_random_program_{PASSES}.py", line ' in outcome.detail


def test_a_config_that_compiles_slowly_gives_way() -> None:
    bound = doubled.bind((torch.randn(70, 90),))._implementation.specialized
    default = bound.space.config(bound.space.space.default)
    asked = []

    def build(config: helion.Config) -> None:
        asked.append(config)
        if config != default:
            raise TimeoutError("compiling took more than 15 s")

    config, ran = first_that_runs(bound, [0], build, lambda config: config, most_compiling=0)
    assert config == ran == default
    assert len(asked) == 2

    def never(_config: helion.Config) -> None:
        raise TimeoutError("compiling took more than 15 s")

    with pytest.raises(SlowToCompileError, match="more than 15 s"):
        first_that_runs(bound, [0], never, lambda config: config, most_compiling=0)


def test_what_compiles_slowly_for_a_target_is_refused_by_name() -> None:
    def never(_request: dict[str, Any]) -> dict[str, Any]:
        raise TimeoutError("compiling took more than 60 s")

    outcome = check(write(PASSES), target="sm_90", compiler=never)
    assert (outcome.kind, outcome.detail) == (
        "refused",
        "SlowToCompile: compiling took more than 60 s",
    )
