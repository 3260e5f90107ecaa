"""How ``./dev test`` runs the environments of ``tox.ini``: which beside each other, which after which."""

from __future__ import annotations

import configparser
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock, call

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 30  # seconds, after which something that should have begun never will


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``tools/environments.py``, which imports its neighbours."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import environments

    return environments


@pytest.fixture
def ended(tools: ModuleType) -> Callable[[str], Any]:
    """Makes the outcome of one that ran well."""
    return lambda name: tools.Outcome(name, passed=True, seconds=0.0)


def test_those_with_workers_are_what_tox_gives_workers(tools: ModuleType) -> None:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini")
    lines = [
        f"{name.strip()}: {command}" if section == "testenv" else f"{section[8:]}: {line}"
        for section in settings.sections()
        for line in settings.get(section, "commands", fallback="").splitlines()
        for name, _, command in [line.partition(":")]
    ]
    assert {line.partition(":")[0] for line in lines if " -n " in line} == tools.HAVE_WORKERS


def test_names_come_after_what_they_depend_on(tools: ModuleType) -> None:
    known = tools.environments()
    names = [environment.name for environment in known]
    assert {"lint", "types", "wheels", "lang", "integration", "gpu"} <= set(names)
    assert {environment.name for environment in known if not environment.depends} == {
        *("wheels", "types", "lint", "imports")
    }
    for position, environment in enumerate(known):
        assert environment.depends <= set(names[:position])


def test_all_run_and_are_told_in_order(tools: ModuleType, ended: Callable[[str], Any]) -> None:
    names = [environment.name for environment in tools.environments()]
    shown, kept = Mock(side_effect=ended), Mock(side_effect=ended)
    outcomes = tools.run_all(names, shown, kept)
    assert [outcome.name for outcome in outcomes] == names
    assert {name for ((name,), _) in shown.call_args_list} == tools.HAVE_WORKERS
    assert shown.call_count + kept.call_count == len(names)


def test_one_is_shown_behind_the_wheels(tools: ModuleType, ended: Callable[[str], Any]) -> None:
    shown, kept = Mock(side_effect=ended), Mock(side_effect=ended)
    tools.run_all({"wheels", "lang"}, shown, kept)
    assert shown.call_args_list == [call("wheels"), call("lang")]
    assert not kept.called


def test_two_run_at_once_and_nobody_begins_before_what_it_needs(
    tools: ModuleType, ended: Callable[[str], Any]
) -> None:
    """The types are checked while wheels are built; the language waits for these, even with a thread to spare."""
    types_ended = threading.Event()
    order: list[str] = []

    def keep(name: str) -> Any:
        order.append(f"{name} begins")
        if name == "wheels":
            assert types_ended.wait(PATIENCE)  # as the types run beside them
        order.append(f"{name} ends")
        if name == "types":
            types_ended.set()
        return ended(name)

    tools.run_all({"wheels", "types", "lang"}, show=keep, keep=keep)
    assert order.index("types ends") < order.index("wheels ends") < order.index("lang begins")


def test_a_failure_is_told_and_stops_no_other(
    tools: ModuleType, ended: Callable[[str], Any]
) -> None:
    def keep(name: str) -> Any:
        return ended(name)._replace(passed=name != "types")

    outcomes = tools.run_all({"wheels", "types", "lint", "lang"}, show=keep, keep=keep)
    assert [outcome.name for outcome in outcomes if not outcome.passed] == ["types"]
    assert len(outcomes) == 4
