"""How searches measure, by settings, and when what they need is started before they are."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

from helion import Config, Settings, from_cache
from helion.backends import KernelDefinition
from helion_autotune import Isolation, LockedResult, LockFile, Point
from helion_autotune.ray_gpus import RayGPUs
from helion_compiler.tuning.measurer import make
from helion_compiler.tuning.worker_source import (
    MODULES,
    SET_BY_IMPORTS,
    WorkerSource,
    likely_searched,
)

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


def test_before_the_compiler_is_imported_a_process_that_uses_a_gpu_is_enough(
    definition: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = WorkerSource()
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(source._servers, "prepare", started.append)
    source.expect(definition())
    assert started == []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    source.expect(definition(autotune_effort="none"))
    assert started == []
    source.expect(definition())
    assert started == [MODULES]


PROGRAM = """
import inspect, os, sys
import torch
from helion import Settings
from helion.backends import KernelDefinition
from helion_compiler.backend import COMPILER, CompileBackend
from helion_compiler.tuning.worker_source import SET_BY_IMPORTS, WorkerSource

def double(x):
    return x * 2

{before}
expected = []
WorkerSource.expect = lambda self, definition: expected.append((definition.name, COMPILER in sys.modules))
backend, environment = CompileBackend(), dict(os.environ)
for name in ("first", "second"):
    settings = Settings.read({{}}, {{}})
    backend.implement(KernelDefinition(double, name, inspect.signature(double), (), settings))
assert expected == [("first", False)], expected
changed = {{name for name, value in os.environ.items() if environment.get(name) != value}}
assert changed <= set(SET_BY_IMPORTS), changed
"""


def run(before: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in SET_BY_IMPORTS}
    command = [sys.executable, "-c", PROGRAM.format(before=before)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_workers_begin_while_the_compiler_is_imported_and_its_environment_stays_theirs() -> None:
    done = run()
    assert done.returncode == 0, done.stderr


def test_a_compiler_that_cannot_be_imported_says_what_to_do() -> None:
    done = run("sys.modules['triton'] = None")
    assert done.returncode == 1
    assert "BackendNotInstalled" in done.stderr
    assert "the compiler cannot be imported: import of triton halted" in done.stderr
    assert "install helion-compiler with what it requires" in done.stderr


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
