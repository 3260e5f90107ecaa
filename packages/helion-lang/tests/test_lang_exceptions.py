"""Every error class: its templates, its fields, its way through a process boundary."""

from __future__ import annotations

import inspect
import pickle

import pytest

from helion import exc

CLASSES = [
    value
    for value in vars(exc).values()
    if inspect.isclass(value)
    and issubclass(value, exc.HelionError)
    and value not in (exc.HelionError, exc.SeveralErrors)
]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_formats_with_exactly_its_fields(error: type[exc.HelionError]) -> None:
    fields = {name: f"<{name}>" for name in error.fields()}
    raised = error(**fields)
    text = str(raised)
    assert error.title in text
    assert raised.diagnostic.help
    assert "{" not in text.replace('{"', "")
    assert all(value in text for value in fields.values())
    assert error.__doc__
    with pytest.raises(TypeError, match="takes the fields"):
        error(**fields, unheard_of=1)


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_survives_pickling(error: type[exc.HelionError]) -> None:
    span = exc.Span("file.py", 1, 2, 3, 4)
    raised = error(span=span, notes=["a note"], **dict.fromkeys(error.fields(), 1))
    copy = pickle.loads(pickle.dumps(raised))
    assert type(copy) is error
    assert copy.diagnostic == raised.diagnostic
    assert str(copy) == str(raised)


def test_missing_field_is_refused() -> None:
    with pytest.raises(TypeError, match="expected"):
        exc.RankMismatch(what="the subscript", found=1)


def test_all_classes_are_exported() -> None:
    assert len(CLASSES) > 40
    assert {error.__name__ for error in CLASSES} | {"SeveralErrors"} <= set(exc.__all__)


def some_errors() -> list[exc.HelionError]:
    return [
        exc.SpecializeOnDevice(span=exc.Span("a.py", 1, 0, 1, 1)),
        exc.TileOfTile(function="tile"),
        exc.SpecializeOnDevice(span=exc.Span("a.py", 2, 0, 2, 1)),
    ]


def test_one_error_is_itself() -> None:
    error = exc.SpecializeOnDevice()
    assert exc.several([error]) is error


def test_several_errors_are_caught_by_the_class_of_any() -> None:
    errors = some_errors()
    together = exc.several(errors)
    assert isinstance(together, exc.SeveralErrors)
    assert together.errors == tuple(errors)
    assert type(together).__name__ == "SeveralErrors"
    for kind in (exc.SpecializeOnDevice, exc.TileOfTile):
        with pytest.raises(kind):
            raise together
    assert not isinstance(together, exc.RankMismatch)


def test_several_errors_are_told_in_full() -> None:
    errors = some_errors()
    told = str(exc.several(errors)).split("\n\n")
    assert told == [*(str(error) for error in errors), "3 errors"]


def test_several_errors_survive_pickling() -> None:
    together = exc.several(some_errors())
    copy = pickle.loads(pickle.dumps(together))
    assert type(copy) is type(together)
    assert str(copy) == str(together)


def test_a_class_that_another_derives_from_is_no_second_base() -> None:
    class Special(exc.TileOfTile):
        pass

    together = exc.several([exc.TileOfTile(function="tile"), Special(function="grid")])
    assert isinstance(together, Special)


def test_place_is_added_once() -> None:
    error = exc.SpecializeOnDevice()
    first = exc.Span("a.py", 1, 0, 1, 1)
    error.locate(first)
    error.locate(exc.Span("b.py", 1, 0, 1, 1))
    assert error.diagnostic.span == first
