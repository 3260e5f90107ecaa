"""Tuning of plain callables, and their timer."""

import time

import pytest

from helion_autotune import (
    Boolean,
    Integer,
    Measurement,
    NoCandidateWorked,
    Space,
    time_on_host,
    tune_function,
)

SPACE = Space({"n": Integer(1, 8), "broken": Boolean()})


def count(n, broken):
    if broken:
        raise RuntimeError("broken")
    return n


def one_ms_each(fn, *, give_up_over_ms):
    return Measurement(float(fn()))


def test_a_function_is_called_with_the_values_of_a_point():
    result = tune_function(count, SPACE, timer=one_ms_each, strategy="finite", jobs=1)
    assert result.best.point.to_json() == {"n": 1, "broken": False}
    assert {t.point["broken"] for t in result.trials if not t.ok} == {True}


def test_results_are_checked():
    for check in (lambda result: result != 1, lambda result: None if result > 1 else False):
        result = tune_function(
            count, SPACE, check=check, timer=one_ms_each, strategy="finite", jobs=1
        )
        assert result.best.point["n"] == 2
    with pytest.raises(NoCandidateWorked, match="wrong_result x 8"):
        tune_function(count, SPACE, check=lambda result: False, timer=one_ms_each, jobs=1)


def test_the_timer_takes_the_median_of_as_many_calls_as_fit():
    calls = []
    taken = time_on_host(lambda: calls.append(0), repetitions=7)
    assert len(calls) == 1 + 7
    assert len(taken.samples) == 7
    assert taken.milliseconds == sorted(taken.samples)[3]
    slow = time_on_host(lambda: time.sleep(0.02), budget_ms=30.0)
    assert len(slow.samples) <= 2
    assert slow.milliseconds >= 20


def test_the_timer_gives_up_on_what_is_much_slower():
    assert len(time_on_host(lambda: time.sleep(0.01), give_up_over_ms=1.0).samples) == 1
    assert len(time_on_host(lambda: time.sleep(0.001), give_up_over_ms=1e3).samples) > 1
