"""Which bundle a kernel runs from, and what its calls become under torch's tracers."""

from __future__ import annotations

import gc
import inspect
import itertools
import os
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

import helion_runtime
from helion_runtime import load
from helion_runtime.backend import BundleBackend
from helion_runtime.driver import DeviceProperties
from helion_runtime.errors import (
    BundleNotFoundError,
    NoBundleError,
    NoOpError,
    NoVariantError,
    RegistrationError,
)
from helion_runtime.in_use import BundlesInUse, use
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from helion_runtime.backend import PrecompiledKernel

NUMBERS = itertools.count()


def scaled_add(x: Any, y: Any, scale: Any) -> None: ...
def reciprocals(x: Any) -> None: ...


class Kernels:
    """Kernels as the language has them: each forgets what implements it when it is told to."""

    def __init__(self) -> None:
        self.in_use = BundlesInUse()
        self.backend = BundleBackend(in_use=self.in_use)
        self.told = 0

    def changed(self) -> None:
        self.told += 1

    def implement(
        self,
        function: Callable[..., Any] = scaled_add,
        setting: str | None = None,
        gradient: Any = None,
    ) -> PrecompiledKernel:
        definition: Any = SimpleNamespace(
            name=function.__name__,
            signature=inspect.signature(function),
            settings=SimpleNamespace(bundle=setting),
            gradient=gradient,
        )
        return self.backend.implement(definition)


@pytest.fixture
def kernels() -> Kernels:
    return Kernels()


@pytest.fixture
def open_bundle(frozen_path: Path, hopper: RecordingDriver) -> Callable[[], Any]:
    return lambda: load(frozen_path, driver=hopper)


X = torch.zeros(4, 4)
HOPPER = DeviceProperties("hopper", (9, 0), 132, 232448)


def test_bundles_are_used_until_they_are_closed(
    kernels: Kernels, open_bundle: Callable[[], Any], hopper: RecordingDriver
) -> None:
    assert not kernels.backend.claims(kernels.changed)
    with use(open_bundle(), registry=kernels.in_use):
        assert kernels.told == 1
        assert kernels.backend.claims(kernels.changed)
        assert kernels.implement()(X, X, 1.0).shape == (4, 4)
        assert len(hopper.launches) == 1
    assert kernels.told >= 2
    assert not kernels.backend.claims(kernels.changed)
    with pytest.raises(NoBundleError, match=r"helion_runtime\.use\(PATH\)"):
        kernels.implement()(X, X, 1.0)


def test_the_last_one_used_comes_first(kernels: Kernels, open_bundle: Callable[[], Any]) -> None:
    first, second, third = (open_bundle() for _ in range(3))
    outer = use(first, second, registry=kernels.in_use)
    assert kernels.implement().op is first.ops["scaled_add"]
    inner = use(third, registry=kernels.in_use)
    assert kernels.in_use.bundles == (third, first, second)
    assert kernels.implement().op is third.ops["scaled_add"]
    outer.close()
    assert kernels.in_use.bundles == (third,)
    inner.close()
    inner.close()
    assert kernels.in_use.bundles == ()


def test_a_kernel_runs_from_the_first_bundle_that_has_it(
    kernels: Kernels, frozen_path: Path, open_bundle: Callable[[], Any]
) -> None:
    other = frozen_path.with_name("format_1_1.helion")
    ops = set(load(other).ops) - set(load(frozen_path).ops)
    assert "computing" in ops
    computing = kernels.implement(lambda: None)
    computing._definition.name = "computing"  # type: ignore[misc]  # a namespace here
    with use(open_bundle(), other, registry=kernels.in_use):
        assert computing.op.name == "computing"
    missing = kernels.implement(reciprocals)
    with (
        use(open_bundle(), other, registry=kernels.in_use),
        pytest.raises(NoOpError) as caught,
    ):
        missing(X)
    assert f"{frozen_path}: scaled_add" in str(caught.value)
    assert str(other) in str(caught.value)


def test_what_the_settings_name_is_all_there_is(
    kernels: Kernels, frozen_path: Path, open_bundle: Callable[[], Any], tmp_path: Path
) -> None:
    copied = shutil.copy(frozen_path, tmp_path / "copied.helion")
    setting = f"{copied}{os.pathsep}{frozen_path}"
    with use(open_bundle(), registry=kernels.in_use):
        assert kernels.implement(setting=setting).op.name == "scaled_add"
        with pytest.raises(NoOpError) as caught:
            kernels.implement(reciprocals, setting=setting)(X)
        assert str(copied) in str(caught.value)
        with pytest.raises(BundleNotFoundError):
            kernels.implement(setting=f"{frozen_path}{os.pathsep}missing.helion")(X, X, 1.0)


def test_what_is_no_bundle_is_refused(kernels: Kernels, tmp_path: Path) -> None:
    with pytest.raises(NoBundleError, match="none was given"):
        use(registry=kernels.in_use)
    with pytest.raises(BundleNotFoundError):
        use(tmp_path / "missing.helion", registry=kernels.in_use)
    assert not kernels.in_use.bundles
    assert helion_runtime.use is use


def test_who_is_gone_is_not_told(kernels: Kernels, open_bundle: Callable[[], Any]) -> None:
    gone = Kernels()
    kernels.in_use.watch(gone.changed)
    kernels.in_use.watch(kernels.changed)
    del gone
    gc.collect()
    use(open_bundle(), registry=kernels.in_use)
    assert kernels.told == 1


def test_a_miss_says_where_the_kernel_runs_from(
    kernels: Kernels, frozen_path: Path, open_bundle: Callable[[], Any]
) -> None:
    with use(open_bundle(), registry=kernels.in_use), pytest.raises(NoVariantError) as caught:
        kernels.implement()(X, X.double(), 1.0)
    assert "y: tensor float64 [4, 4]" in str(caught.value)
    assert "The nearest is number" in str(caught.value)
    assert caught.value.__notes__ == [f"kernel 'scaled_add' runs from {frozen_path}"]


def test_traced_calls_are_one_operator(
    kernels: Kernels, open_bundle: Callable[[], Any], hopper: RecordingDriver
) -> None:
    with use(open_bundle(), registry=kernels.in_use):
        kernel = kernels.implement()
        graph = make_fx(lambda x, y: kernel(x, y, 1.0), tracing_mode="fake")(X, X)
        operator = kernel.operator((X, X, 1.0))
        assert [node.target for node in graph.graph.nodes].count(operator) == 1
        assert operator.namespace == "helion"
        assert not hopper.launches
        with FakeTensorMode():
            found = kernel(torch.empty(4, 4), torch.empty(4, 4), 1.0)
        assert found.shape == (4, 4)
        assert kernel(X, X, 1.0).shape == (4, 4)
        assert len(hopper.launches) == 1


def test_operators_are_named_before_they_are_traced(
    kernels: Kernels, open_bundle: Callable[[], Any]
) -> None:
    name = f"helion_test_in_use_{next(NUMBERS)}::sum"
    with use(open_bundle(), registry=kernels.in_use):
        kernel = kernels.implement()
        operator = kernel.operator((X, X, 1.0), name)
        assert operator._schema.name == name
        assert kernel.operator((X, X, 1.0)) is operator
        with pytest.raises(RegistrationError, match="name it before it is traced"):
            kernel.operator((X, X, 1.0), f"{name}_again")
        with pytest.raises(RegistrationError, match="expected a name such as"):
            kernels.implement().operator((X, X, 1.0), "sum")


def test_gradients_are_recorded(kernels: Kernels, frozen_path: Path) -> None:
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        return grad * 2, grad * 3, None

    gradient = SimpleNamespace(backward=backward, setup_context=None)
    path = frozen_path.with_name("format_1_2.helion")
    driver = RecordingDriver(load(path).manifest.kernels, HOPPER)
    with use(load(path, driver=driver), registry=kernels.in_use):
        kernel = kernels.implement(gradient=gradient)
        x, y = (torch.zeros(4, 4, requires_grad=True) for _ in range(2))
        kernel(x, y, 1.0).sum().backward()
        assert x.grad is not None
        assert x.grad.unique().tolist() == [2.0]
        with torch.no_grad():
            assert not kernel(x, y, 1.0).requires_grad
    unknown = kernels.implement(gradient=gradient)
    with (
        use(load(frozen_path), registry=kernels.in_use),
        pytest.raises(RegistrationError, match="write into no argument"),
    ):
        unknown(x, y, 1.0)
