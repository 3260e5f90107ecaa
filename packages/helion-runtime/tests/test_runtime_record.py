from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from helion_runtime.record import Record, fields_of, replace, values_of


class Point(Record):
    """Two numbers, the second of which may be left out."""

    x: int
    y: int = 0


class Other(Record):
    x: int
    y: int = 0


class Handle(Record, eq=False):
    x: int


def test_fields_are_given_in_order_or_by_name() -> None:
    assert values_of(Point(1)) == (1, 0)
    assert values_of(Point(1, 2)) == values_of(Point(y=2, x=1)) == (1, 2)
    assert fields_of(Point) == ("x", "y")


@pytest.mark.parametrize(
    ("values", "named", "message"),
    [
        ((), {}, "Point: field 'x' is missing"),
        ((1, 2, 3), {}, "Point takes x, y; found 3 values"),
        ((1,), {"z": 3}, "Point takes x, y; found 'z'"),
        ((1,), {"x": 3}, "Point takes x, y; found 'x'"),
    ],
)
def test_other_fields_are_refused(
    values: tuple[Any, ...], named: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        Point(*values, **named)


def test_records_are_equal_by_class_and_fields() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert hash(Point(1, 2)) == hash(Point(1, 2))
    assert Point(1, 2) != Point(1, 3)
    assert Point(1, 2) != Other(1, 2)
    assert Point(1, 2) != (1, 2)


def test_a_record_may_be_equal_to_itself_alone() -> None:
    one, two = Handle(1), Handle(1)
    assert one == one  # noqa: PLR0124  # what is asked
    assert one != two
    assert len({one, two}) == 2


def test_records_are_frozen_and_hold_nothing_else() -> None:
    point: Any = Point(1)
    for name in ("x", "z"):
        with pytest.raises(AttributeError, match=f"Point.{name} cannot be set"):
            setattr(point, name, 5)
    with pytest.raises(AttributeError, match=r"Point.x cannot be deleted"):
        del point.x
    assert not hasattr(point, "__dict__")


def test_copies_with_other_fields() -> None:
    assert replace(Point(1, 2), y=3) == Point(1, 3)
    with pytest.raises(TypeError, match="found 'z'"):
        replace(Point(1, 2), z=3)


def test_records_are_copied_pickled_matched_and_shown() -> None:
    point = Point(1, 2)
    assert copy.deepcopy(point) == pickle.loads(pickle.dumps(point)) == point
    match point:
        case Point(1, y):
            assert y == 2
        case _:
            pytest.fail("no match")
    assert repr(point) == "Point(x=1, y=2)"
