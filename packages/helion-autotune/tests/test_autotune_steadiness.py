"""What is said of a session's times: their noise, a GPU that slowed down, and wrong results."""

import pytest

from helion_autotune import Finalist, Measurement, Point, Status, Trial
from helion_autotune.steadiness import noise_floor, slowdown, wrong_results


def trial(a=0, ms=1.0, clock=None, **options):
    measurement = Measurement(ms, clock_mhz=clock)
    return Trial(Point({"a": a}), Status.OK, ms, measurement=measurement, **options)


def finalist(searched, *times):
    return Finalist(trial(ms=searched), times, trial(ms=times[0]))


def test_the_noise_is_that_of_the_middle_finalist():
    finalists = [finalist(1, 1.0, 1.0, 1.0), finalist(1, 0.98, 1.0, 1.02), finalist(1, 0.5, 1, 1.5)]
    assert noise_floor(finalists) == pytest.approx(0.02)
    assert noise_floor([]) is None
    assert noise_floor([finalist(1, 1.0)]) is None


def test_finalists_that_became_slower_together_are_noticed():
    steady = [finalist(1, 1.0, 1.01, 1.0), finalist(2, 2.0, 2.0, 1.99)]
    assert slowdown([], steady) is None
    throttled = [finalist(1, 1.1, 1.11, 1.1), finalist(2, 2.2, 2.2, 2.2), finalist(1, 1, 1, 1)]
    assert "take 10% longer than when they were searched" in slowdown([], throttled)
    noisy = [finalist(1, 0.9, 1.1, 1.2), finalist(2, 1.8, 2.2, 2.6)]
    assert slowdown([], noisy) is None, "within three times the noise"
    assert slowdown([], []) is None


def test_a_clock_that_falls_is_noticed_where_it_is_known():
    assert slowdown([trial(clock=1980), trial(clock=1965)], []) is None
    told = slowdown([trial(clock=1980), trial(clock=1500), trial(clock=1700)], [])
    assert "2 of 3 candidates were measured at 1500 to 1700 MHz, the others at up to 1980" in told
    throttled = [finalist(1, 1.1, 1.1)]
    assert slowdown([trial(clock=1980)] * 2, throttled) is None, "clocks know better"


def test_wrong_results_are_told_with_an_example():
    assert wrong_results([trial()]) is None
    wrong = [Trial(Point({"a": a}), Status.WRONG_RESULT, error="off\nby one") for a in (3, 4)]
    assert wrong_results([trial(), *wrong]) == (
        '2 candidates computed something wrong, for example {"a": 3}: off'
    )
