"""How searches measure, by settings, and when what they need is started before they are."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
import torch

from helion import Config, Settings, from_cache
from helion.backends import KernelDefinition
from helion_autotune import Isolation, LockedResult, LockFile, Point
from helion_autotune.ray_gpus import RayGPUs
from helion_compiler.tuning.measurer import make
from helion_compiler.tuning.worker_source import MODULES, WorkerSource, likely_searched

if TYPE_CHECKING:
    from pathlib import Path

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")


def double(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@pytest.fixture
def definition(tmp_path: Path) -> Any:
    def define(*configs: Config, **settings: Any) -> KernelDefinition:
        given = Settings.read({"autotune_cache": str(tmp_path / "cache"), **settings}, {})
        return KernelDefinition(double, "double", inspect.signature(double), configs, given)

    return define


def test_searches_that_nothing_spares_are_likely(definition: Any) -> None:
    assert likely_searched(definition())
    assert likely_searched(definition(Config(num_warps=4), force_autotune=True))


@pytest.mark.parametrize(
    "settings",
    [
        {"autotune_isolation": False},
        {"disallow_autotuning": True},
        {"autotune_effort": "none"},
        {"autotuner_fn": from_cache()},
    ],
)
def test_settings_that_spare_a_search(definition: Any, settings: dict[str, Any]) -> None:
    assert not likely_searched(definition(**settings))


def test_what_was_given_recorded_or_locked_spares_a_search(definition: Any, tmp_path: Path) -> None:
    assert not likely_searched(definition(Config(num_warps=4)))
    lock = tmp_path / "tuned.lock.json"
    locked = definition(autotune_lock=str(lock))
    assert likely_searched(locked)
    LockFile(lock).add(LockedResult("triple", "{}", Point({"num_warps": 4})))
    assert likely_searched(locked)
    LockFile(lock).add(LockedResult("double", "{}", Point({"num_warps": 4})))
    assert not likely_searched(locked)
    lock.write_text("no lock file")
    assert likely_searched(locked), "the search will complain of it"
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "double.jsonl").touch()
    assert not likely_searched(definition())


def test_a_server_is_started_for_likely_searches_on_gpus_alone(
    definition: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = WorkerSource()
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(source._servers, "prepare", started.append)
    source.prepare(definition(), CPU)
    source.prepare(definition(disallow_autotuning=True), GPU)
    assert started == []
    source.prepare(definition(), GPU)
    assert started == [MODULES]
    assert make.__module__ in MODULES, "what the blueprint's maker needs is imported early"


def test_isolation_is_as_the_settings_say(definition: Any) -> None:
    source = WorkerSource()

    def isolation(**settings: Any) -> Isolation | bool:
        return source.isolation(definition(**settings).settings)

    assert isolation(autotune_isolation=False) is False
    found = isolation(autotune_benchmark_timeout=7.0)
    assert isinstance(found, Isolation)
    assert (found.measure, found.required, found.devices) == (7.0, False, None)
    assert found.servers is source._servers
    for named, devices in {"all": "all", "ray": RayGPUs(), "0, 2": (0, 2), "1": (1,)}.items():
        found = isolation(autotune_devices=named)
        assert isinstance(found, Isolation)
        assert found.devices == devices
