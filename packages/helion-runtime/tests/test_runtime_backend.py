from __future__ import annotations

import inspect
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from helion_runtime import load
from helion_runtime.backend import BundleBackend
from helion_runtime.errors import (
    ArgumentCountError,
    ArgumentTypeError,
    BundleNotFoundError,
    NoBundleError,
    NoOpError,
    NoVariantError,
    ParameterError,
    PrecompiledError,
)
from helion_runtime.parameters import route

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from helion_runtime.recording_driver import RecordingDriver


def scaled_add(x: Any, y: Any, scale: Any) -> None: ...


def definition(name: str, bundle: object, function: Callable[..., Any] = scaled_add) -> Any:
    return SimpleNamespace(
        name=name,
        signature=inspect.signature(function),
        settings=SimpleNamespace(bundle=bundle),
        gradient=None,
    )


def kernel_of(function: Callable[..., Any], path: Path, driver: RecordingDriver) -> Any:
    backend = BundleBackend(lambda found: load(found, driver=driver))
    return backend.implement(definition("scaled_add", path, function))


def test_a_kernel_that_takes_more_than_its_op_is_refused(
    frozen_path: Path, hopper: RecordingDriver
) -> None:
    """Whether 64 is what was compiled in cannot be known: dropping it could give wrong results."""
    x = torch.zeros(4, 4)
    kernel = kernel_of(lambda x, y, scale, block, dtype: None, frozen_path, hopper)
    for call in (kernel, lambda *args: kernel.bind(args)):
        with pytest.raises(ParameterError) as caught:
            call(x, x, 1.0, 64, torch.float16)
        text = str(caught.value)
        assert "block, dtype: fixed when the bundle was built" in text
        assert "load(PATH).ops['scaled_add'](x, y, scale)" in text
    assert not hopper.launches


def test_a_kernel_whose_op_takes_captures_is_refused(
    frozen_path: Path, hopper: RecordingDriver
) -> None:
    x = torch.zeros(4, 4)
    with pytest.raises(ParameterError, match=r"y, scale: taken by the op, but not a parameter"):
        kernel_of(lambda x: None, frozen_path, hopper)(x)
    with pytest.raises(ParameterError, match="in another order"):
        kernel_of(lambda y, x, scale: None, frozen_path, hopper)(x, x, 1.0)


def test_items_of_tuples_are_passed_one_by_one() -> None:
    passed_on = route("k", ("xs", "n", "out"), ("xs_0", "xs_1", "n", "out"))
    assert passed_on is not None
    assert passed_on(((1, 2), 3, 4)) == passed_on(([1, 2], 3, 4)) == (1, 2, 3, 4)
    with pytest.raises(ArgumentTypeError, match=r"'xs'.*a tuple of 2 item\(s\), found 3"):
        passed_on(((1, 2, 3), 3, 4))
    with pytest.raises(ArgumentTypeError, match="found int"):
        passed_on((1, 3, 4))
    with pytest.raises(ArgumentCountError, match=r"takes 3 argument\(s\), 1 were passed"):
        passed_on((1,))
    assert route("k", ("x", "n"), ("x", "n")) is None


@pytest.mark.parametrize(
    ("parameters", "arguments"),
    [
        (("xs", "xs_0"), ("xs_0",)),  # the argument is the second parameter, not an item
        (("xs",), ("xs_0_0", "xs_1")),  # a tuple in a tuple
        (("xs",), ("xs_1",)),  # the first item is no number
        (("x", "finish"), ("x", "finish_b")),  # a function's capture
    ],
)
def test_names_that_do_not_fit_are_refused(
    parameters: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    with pytest.raises(ParameterError, match="kernel 'k' takes"):
        route("k", parameters, arguments)


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
    with pytest.raises(NoOpError, match=r"(?s)no bundle has an op of that name.*scaled_add"):
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
