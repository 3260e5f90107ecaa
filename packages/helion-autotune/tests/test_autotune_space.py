"""Spaces: canonical points, constraints, conditions, vectors, sizes, fingerprints."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helion_autotune import (
    Boolean,
    Choice,
    Condition,
    Constraint,
    Float,
    Integer,
    ListOf,
    NoValidPointError,
    Permutation,
    Point,
    PowerOfTwo,
    Space,
)


def make_space(**more):
    return Space(
        {
            "block": PowerOfTwo(16, 128, default=64),
            "kind": Choice(["flat", "persistent"]),
            "multiplier": Integer(1, 4),
            "order": Permutation(3),
            "flags": ListOf(Boolean(), 2),
        },
        constraints=[
            Constraint(
                "fits",
                "block x multiplier is at most 256",
                lambda p: p["block"] * p["multiplier"] <= 256,
            )
        ],
        conditions={
            "multiplier": Condition(
                "only persistent kernels have it", lambda p: p["kind"] == "persistent"
            )
        },
        **more,
    )


@given(st.integers(0, 2**32))
def test_random_points_are_of_the_space_and_survive_the_way_to_a_vector(seed):
    space = make_space()
    point = space.sample(np.random.default_rng(seed))
    assert space.check(point) == []
    vector = space.encode(point)
    assert vector.shape == (space.dimensions,)
    assert space.decode(vector) == point
    assert space.point(point.to_json()) == point


@given(st.data())
def test_any_vector_decodes_to_a_canonical_point(data):
    space = make_space()
    coordinates = st.floats(0, 1)
    vector = data.draw(st.lists(coordinates, min_size=space.dimensions, max_size=space.dimensions))
    point = space.decode(vector)
    assert space.point(point) == point
    assert {violation.name for violation in space.check(point)} <= {"fits"}


@given(st.integers(0, 2**32))
def test_neighbours_are_other_points_of_the_space(seed):
    space = make_space()
    point = space.sample(np.random.default_rng(seed))
    neighbours = space.neighbours(point)
    assert point not in neighbours
    assert len(set(neighbours)) == len(neighbours)
    assert all(space.check(other) == [] for other in neighbours)
    assert all(space.distance(point, other) > 0 for other in neighbours)


def test_no_two_points_differ_only_in_an_inactive_parameter():
    space = make_space()
    assert space.point({"multiplier": 3}) == space.point({"multiplier": 1}) == space.default
    assert space.point({"kind": "persistent", "multiplier": 3})["multiplier"] == 3
    assert "multiplier" not in space.active(space.default)


def test_check_names_every_problem_with_its_reason():
    space = make_space()
    over = space.point({"block": 128, "kind": "persistent", "multiplier": 3})
    assert [str(v) for v in space.check(over)] == ["fits: block x multiplier is at most 256"]
    stray = {**space.default, "multiplier": 2}
    assert [str(v) for v in space.check(stray)] == ["multiplier: is inactive here and must stay 1"]
    wrong = {**space.default, "block": 48, "extra": 1}
    del wrong["kind"]
    problems = {v.name: v.reason for v in space.check(wrong)}
    assert problems["extra"] == "is no parameter of this space"
    assert problems["kind"] == "has no value"
    assert "48 is not a power of two" in problems["block"]


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"\['blok'\]; this space has block, kind"):
        make_space().point({"blok": 32})


def test_size_is_exact_where_it_is_cheap():
    space = make_space()
    points = list(space.points())
    assert len(set(points)) == len(points) == space.size.count
    assert space.size.exact
    persistent = sum(
        block * multiplier <= 256 for block in (16, 32, 64, 128) for multiplier in (1, 2, 3, 4)
    )
    assert space.size.count == (4 + persistent) * 6 * 4


def test_a_large_size_is_estimated_without_counting_inactive_values():
    space = Space(
        {"on": Boolean(), "a": Integer(0, 999), "b": Integer(0, 99), "c": Integer(0, 9)},
        constraints=[Constraint("even", "a is even", lambda p: p["a"] % 2 == 0)],
        conditions={"c": lambda p: p["on"]},
    )
    true = 500 * 100 * (1 + 10)
    assert not space.size.exact
    assert space.size.count == pytest.approx(true, rel=0.15)
    assert str(space.size).startswith("about ")


def test_a_continuous_space_is_endless():
    space = Space({"rate": Float(0, 1)})
    assert math.isinf(space.size.count)
    assert str(space.size) == "endless"
    with pytest.raises(TypeError, match="cannot be listed"):
        list(space.points())


def test_a_tight_space_is_drawn_from_by_listing_it():
    space = Space(
        {"a": Integer(0, 60), "b": Integer(0, 60)},
        constraints=[Constraint("one", "a = 17 and b = 3", lambda p: (p["a"], p["b"]) == (17, 3))],
    )
    assert space.sample(np.random.default_rng(0)).to_json() == {"a": 17, "b": 3}


def test_a_tight_space_is_drawn_from_by_walking_from_what_is_known():
    def sums_to_90(point):
        return sum(point.values()) >= 90

    parameters = {name: Integer(0, 9) for name in "abcdefghijk"}
    constraint = Constraint("tight", "they sum to 90 or more", sums_to_90)
    known = Space(parameters).point(dict.fromkeys(parameters, 9))
    space = Space(parameters, [constraint], known=known)
    rng = np.random.default_rng(0)
    points = {space.sample(rng) for _ in range(50)}
    assert len(points) > 25
    assert all(space.check(point) == [] for point in points)


def test_a_known_point_is_one_of_the_space():
    parameters = {"a": Integer(0, 9)}
    constraint = Constraint("small", "a is less than 5", lambda point: point["a"] < 5)
    with pytest.raises(ValueError, match="small: a is less than 5"):
        Space(parameters, [constraint], known=Space(parameters).point({"a": 7}))


def test_a_space_without_points_says_which_constraints_it_has():
    space = Space(
        {"a": Integer(0, 10**6)},
        constraints=[Constraint("impossible", "never holds", lambda p: False)],
    )
    with pytest.raises(NoValidPointError, match="impossible"):
        space.sample(np.random.default_rng(0))


def test_a_condition_sees_only_earlier_parameters():
    with pytest.raises(ValueError, match=r"condition of 'a' looks at 'b'.*Declare 'a' later"):
        Space({"a": Boolean(), "b": Boolean()}, conditions={"a": lambda p: p["b"]})


def test_declarations_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="at least one parameter"):
        Space({})
    with pytest.raises(ValueError, match=r"not declared: \['z'\]"):
        Space({"a": Boolean()}, conditions={"z": lambda p: True})
    twice = Constraint("same", "…", lambda p: True)
    with pytest.raises(ValueError, match="different names"):
        Space({"a": Boolean()}, constraints=[twice, twice])
    with pytest.raises(ValueError, match="has 2 entries, got 1"):
        Space({"a": Boolean(), "b": Boolean()}).decode([0.5])


def test_the_fingerprint_is_of_the_declarations():
    assert make_space().fingerprint == make_space().fingerprint
    assert len(make_space().fingerprint) == 64
    variants = [
        Space({"a": Integer(0, 4)}),
        Space({"a": Integer(0, 5)}),
        Space({"a": Integer(0, 4, default=1)}),
        Space({"b": Integer(0, 4)}),
        Space({"a": Integer(0, 4)}, constraints=[Constraint("c", "r", lambda p: True)]),
        Space({"a": Integer(0, 4)}, constraints=[Constraint("c", "other", lambda p: True)]),
        Space({"a": Integer(0, 4)}, conditions={"a": Condition("r", lambda p: True)}),
    ]
    assert len({space.fingerprint for space in variants}) == len(variants)


def test_a_fingerprint_does_not_change_between_versions():
    space = Space({"a": PowerOfTwo(1, 4), "b": Choice(["x", None])})
    assert space.fingerprint == "3861b6000d92beaf47544ada0f7bf1c14b9c521ce576381cf0467ed59ef2ce8a"


def test_points_are_immutable_values():
    point = Point({"b": [1, [2]], "a": None})
    assert point == Point({"a": None, "b": (1, (2,))})
    assert hash(point) == hash(Point({"a": None, "b": (1, (2,))}))
    assert point["b"] == (1, (2,))
    assert point.to_json() == {"b": [1, [2]], "a": None}
    assert list(point) == ["b", "a"]
    assert str(point) == '{"b": [1, [2]], "a": null}'
    assert Point({"a": 1}) != Point({"a": True})
    with pytest.raises(TypeError, match="JSON has no number"):
        Point({"a": math.nan})
    with pytest.raises(TypeError, match="does not support item assignment"):
        point["a"] = 1
