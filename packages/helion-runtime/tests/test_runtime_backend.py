from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from helion_runtime import load
from helion_runtime.backend import BundleBackend
from helion_runtime.errors import (
    BundleNotFoundError,
    NoBundleError,
    NoOpError,
    NoVariantError,
    PrecompiledError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from helion_runtime.recording_driver import RecordingDriver


def definition(name: str, bundle: object) -> Any:
    return SimpleNamespace(name=name, settings=SimpleNamespace(bundle=bundle))


def test_a_kernel_runs_from_its_bundle(frozen_path: Path, hopper: RecordingDriver) -> None:
    opened = []

    def open_bundle(path: str) -> Any:
        opened.append(path)
        return load(path, driver=hopper)

    backend = BundleBackend(open_bundle)
    kernel = backend.implement(definition("scaled_add", frozen_path))
    again = backend.implement(definition("scaled_add", os.fspath(frozen_path)))
    assert not opened
    x = torch.zeros(4, 4)
    for call in (kernel, again, kernel.bind((x, x, 1.0))):
        assert call(x, x, 1.0).shape == (4, 4)
    assert opened == [os.fspath(frozen_path)]
    assert len(hopper.launches) == 3
    with pytest.raises(NoVariantError):
        kernel.bind((x, x.double(), 1.0))


def test_keys_tell_arguments_apart(frozen_path: Path) -> None:
    kernel = BundleBackend().implement(definition("scaled_add", frozen_path))
    x = torch.zeros(4, 4)
    rows = [
        (x, 1),
        (x, 1.0),
        (x, True),
        (x.double(), 1),
        (x[:2], 1),
        (torch.zeros(4, 4).t()[:, :2], 1),
    ]
    keys = [kernel.specialization_key(row) for row in rows]
    assert len(set(keys)) == len(rows)
    assert kernel.specialization_key((torch.ones(4, 4), 1)) == keys[0]


def test_what_takes_a_compiler_is_refused(frozen_path: Path, hopper: RecordingDriver) -> None:
    backend = BundleBackend(lambda path: load(path, driver=hopper))
    x = torch.zeros(4, 4)
    bound = backend.implement(definition("scaled_add", frozen_path)).bind((x, x, 1.0))
    for ask in (
        lambda: bound.config_spec,
        lambda: bound.set_config({}),
        lambda: bound.compile_config({}),
        lambda: bound.autotune((x, x, 1.0)),
        lambda: bound.to_triton_code(),
    ):
        with pytest.raises(
            PrecompiledError, match="holds compiled kernels only; install helion-compiler"
        ):
            ask()


def test_a_missing_bundle_op_or_setting(frozen_path: Path, tmp_path: Path) -> None:
    backend = BundleBackend()
    with pytest.raises(NoBundleError, match="set HELION_BUNDLE"):
        backend.implement(definition("scaled_add", None))(1)
    with pytest.raises(NoOpError, match="has no op of that name; it has scaled_add"):
        backend.implement(definition("matmul", frozen_path))(1)
    with pytest.raises(BundleNotFoundError):
        backend.implement(definition("matmul", tmp_path / "missing"))(1)


def test_a_setting_changed_later_is_honoured_after_reset(
    frozen_path: Path, hopper: RecordingDriver
) -> None:
    backend = BundleBackend(lambda path: load(path, driver=hopper))
    described = definition("scaled_add", None)
    kernel = backend.implement(described)
    described.settings.bundle = frozen_path
    x = torch.zeros(4, 4)
    kernel(x, x, 1.0)
    described.settings.bundle = None
    kernel.reset()
    with pytest.raises(NoBundleError):
        kernel(x, x, 1.0)


def test_it_satisfies_the_languages_protocols(frozen_path: Path, hopper: RecordingDriver) -> None:
    backends = pytest.importorskip(
        "helion.backends", reason="the language is not installed beside the runtime here"
    )
    backend = BundleBackend(lambda path: load(path, driver=hopper))
    assert isinstance(backend, backends.Backend)
    assert backend.interface_version == backends.INTERFACE_VERSION
    kernel = backend.implement(definition("scaled_add", frozen_path))
    assert isinstance(kernel, backends.KernelImplementation)
    for name in ("set_config", "compile_config", "autotune", "to_triton_code", "config_spec"):
        x = torch.zeros(4, 4)
        assert hasattr(type(kernel.bind((x, x, 1.0))), name)
