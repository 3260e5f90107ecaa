"""The landscapes that strategies are compared on look like what they stand for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from benchmarks.landscapes.kernels import landscapes
from helion_autotune import Space, Status

if TYPE_CHECKING:
    from benchmarks.landscapes.landscape import Landscape

LANDSCAPES = {one.name: one for one in landscapes()}


@pytest.fixture(params=LANDSCAPES)
def landscape(request: pytest.FixtureRequest) -> Landscape:
    return LANDSCAPES[request.param]


def test_a_share_of_the_points_fails(landscape: Landscape) -> None:
    assert landscape.failing <= 0.3
    assert landscape.worst_ms > 2 * landscape.seeds_best_ms


def test_seeds_are_good_but_not_the_best(landscape: Landscape) -> None:
    assert all(not landscape.space.check(seed) for seed in landscape.seeds)
    assert landscape.seeds_best_ms < landscape.worst_ms
    values = [landscape.trial(seed).value for seed in landscape.seeds]
    assert landscape.seeds_best_ms == min(values) < math.inf


def test_a_trial_is_the_same_whenever_it_is_asked_for(landscape: Landscape) -> None:
    again = {one.name: one for one in landscapes()}[landscape.name]
    for seed in landscape.seeds:
        assert landscape.trial(seed) == again.trial(seed)


def test_what_does_not_fit_fails() -> None:
    landscape = LANDSCAPES["product-4096x4096x4096"]
    large = {"block_m": 256, "block_n": 256, "block_k": 256, "num_stages": 8}
    assert isinstance(landscape.space, Space)
    trial = landscape.trial(landscape.space.point(large))
    assert trial.status is Status.COMPILE_ERROR
    assert trial.error == "out of shared memory"
