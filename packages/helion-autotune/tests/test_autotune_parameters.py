"""Every kind of parameter: values, neighbours, distances, and the round trip through vectors."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helion_autotune import Boolean, Choice, Float, Integer, ListOf, Permutation, PowerOfTwo

powers = st.builds(
    lambda a, b: PowerOfTwo(2 ** min(a, b), 2 ** max(a, b)), st.integers(0, 20), st.integers(0, 20)
)
integers = st.builds(
    lambda low, more: Integer(low, low + more), st.integers(-1000, 1000), st.integers(0, 5000)
)
json_scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
choices = st.lists(json_scalars, min_size=1, max_size=8, unique_by=repr).map(Choice)
permutations = st.integers(1, 6).map(Permutation)
floats = st.builds(
    lambda low, span, log: Float(low, low + span, log=log),
    st.floats(1e-3, 1e3),
    st.floats(0, 1e4).filter(lambda span: span == 0 or span > 1e-2),
    st.booleans(),
)
scalars = powers | integers | choices | st.just(Boolean()) | floats
parameters = scalars | permutations | st.builds(ListOf, scalars | permutations, st.integers(0, 4))


@given(parameters, st.integers(0, 2**32))
def test_a_sample_survives_the_way_to_a_vector_and_back(parameter, seed):
    value = parameter.sample(np.random.default_rng(seed))
    vector = parameter.encode(value)
    assert parameter.problem(value) is None
    assert len(vector) == parameter.width
    assert all(0.0 <= coordinate <= 1.0 for coordinate in vector)
    assert parameter.decode(vector) == value
    assert type(parameter.decode(vector)) is type(value)


@given(parameters, st.data())
def test_any_vector_decodes_to_a_value_that_survives(parameter, data):
    inside_and_out = st.floats(-0.5, 1.5)
    vector = data.draw(st.lists(inside_and_out, min_size=parameter.width, max_size=parameter.width))
    value = parameter.decode(vector)
    assert parameter.problem(value) is None
    assert parameter.decode(parameter.encode(value)) == value


@given(parameters, st.integers(0, 2**32))
def test_neighbours_are_other_values_and_the_relation_goes_both_ways(parameter, seed):
    value = parameter.sample(np.random.default_rng(seed))
    neighbours = parameter.neighbours(value)
    for other in neighbours[:20]:
        assert parameter.problem(other) is None
        assert parameter.distance(value, other) > 0
        if math.isfinite(parameter.cardinality):
            assert value in parameter.neighbours(other)
    if parameter.cardinality > 1:
        assert neighbours


@given(parameters, st.integers(0, 2**32))
def test_distance_is_a_metric_from_0_to_1(parameter, seed):
    rng = np.random.default_rng(seed)
    a, b, c = (parameter.sample(rng) for _ in range(3))
    assert parameter.distance(a, a) == 0
    assert parameter.distance(a, b) == pytest.approx(parameter.distance(b, a))
    assert 0 <= parameter.distance(a, b) <= 1 + 1e-9
    direct, detour = parameter.distance(a, c), parameter.distance(a, b) + parameter.distance(b, c)
    assert direct <= detour + 1e-9


@given(powers | st.just(Boolean()) | choices | permutations)
def test_values_lists_each_value_once(parameter):
    values = list(parameter.values())
    assert len(values) == parameter.cardinality
    assert len({repr(value) for value in values}) == len(values)
    assert all(parameter.problem(value) is None for value in values)


def test_each_permutation_has_a_box_of_equal_volume():
    permutation = Permutation(3)
    grid = [(a / 6 + 1 / 12, b / 6 + 1 / 12) for a in range(6) for b in range(6)]
    counts = {}
    for vector in grid:
        value = permutation.decode(vector)
        counts[value] = counts.get(value, 0) + 1
    assert sorted(counts.values()) == [6] * 6


def test_a_logarithmic_float_counts_factors():
    rate = Float(1e-4, 1.0, log=True)
    assert rate.decode([0.5]) == pytest.approx(1e-2)
    assert rate.distance(1e-4, 1e-3) == pytest.approx(rate.distance(1e-1, 1.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PowerOfTwo(3, 8), "power of two, got 3"),
        (lambda: PowerOfTwo(16, 8), "low is above high"),
        (lambda: PowerOfTwo(8, 32, default=64), "not a power of two from 8 to 32"),
        (lambda: Integer(5, 4), "low is above high"),
        (lambda: Float(0, 1, log=True), "start above 0"),
        (lambda: Float(0, math.inf), "finite"),
        (lambda: Choice([]), "at least one value"),
        (lambda: Choice(["a", "a"]), "twice"),
        (lambda: Choice(["a"], default="b"), "none of 'a'"),
        (lambda: Permutation(0), "at least one thing"),
        (lambda: Permutation(2, default=[0, 0]), "not a permutation"),
        (lambda: ListOf(Boolean(), -1), "negative"),
        (lambda: Boolean(default=1), "neither true nor false"),
    ],
)
def test_bad_declarations_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        (PowerOfTwo(8, 64), 24, "not a power of two"),
        (PowerOfTwo(1, 64), True, "not a power of two"),
        (Integer(0, 4), 2.0, "not an integer"),
        (Choice([1, None]), True, "none of 1, None"),
        (ListOf(Integer(0, 4), 2), (1, 9), "entry 1: 9"),
        (ListOf(Integer(0, 4), 2), (1,), "list of 2"),
        (Permutation(3), (0, 1), "not a permutation"),
        (Float(0, 1), 2, "not a number from"),
    ],
)
def test_a_value_that_does_not_fit_is_told_why(parameter, value, message):
    assert message in parameter.problem(value)


def test_choice_tells_true_from_one():
    choice = Choice([1, True, 1.0])
    assert choice.cardinality == 3
    assert [choice.index(value) for value in (1, True, 1.0)] == [0, 1, 2]


def test_a_choice_may_hold_lists_and_mappings():
    choice = Choice([[1, 2], {"a": [3]}])
    assert choice.default == (1, 2)
    assert choice.decode([0.9])["a"] == (3,)
    with pytest.raises(TypeError, match="not a JSON value"):
        Choice([object()])
