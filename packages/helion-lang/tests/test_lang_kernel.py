"""Kernel: how it is made, called, and finds its backend."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import weakref
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import attrs
import pytest

import helion
from helion import discovery
from helion.backends import INTERFACE_VERSION, Backend
from helion.exc import BackendNotInstalled, IncompatibleBackend, InvalidConfig
from helion.in_graph import in_graph
from helion.reference import ReferenceBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from helion.backends import KernelDefinition


class EchoKernel:
    """Returns its arguments; counts how often it was made."""

    made = 0

    def __init__(self, definition: KernelDefinition) -> None:
        EchoKernel.made += 1
        self.definition = definition
        self.resets = 0
        self.claimed = False

    def __call__(self, *args: Any) -> Any:
        return args

    def bind(self, args: tuple[Any, ...]) -> Any:
        return EchoBound(args)

    def specialization_key(self, args: tuple[Any, ...]) -> Hashable:
        return len(args)

    def operator(self, args: tuple[Any, ...], name: str | None = None) -> Any:
        return args, name

    def reset(self) -> None:
        self.resets += 1


class EchoBound:
    config_spec = "space"

    def __init__(self, args: tuple[Any, ...]) -> None:
        self.args = args
        self.config = helion.Config()

    def __call__(self, *args: Any) -> Any:
        return self.args, args

    def set_config(self, config: helion.Config) -> None:
        self.config = config

    def compile_config(self, config: helion.Config) -> Callable[..., Any]:
        return lambda *args: (config, args)

    def autotune(self, args: tuple[Any, ...], *, force: bool = True, **options: Any) -> Any:
        return args, force, options

    def to_triton_code(self, config: helion.Config | None = None) -> str:
        return f"code {config or self.config}"


class EchoBackend:
    interface_version = INTERFACE_VERSION

    def implement(self, definition: KernelDefinition) -> EchoKernel:
        return EchoKernel(definition)


class ClaimingBackend(EchoBackend):
    """Runs kernels as long as it wants them."""

    wants = False
    watchers: ClassVar[list[weakref.WeakMethod[Any]]] = []

    def implement(self, definition: KernelDefinition) -> EchoKernel:
        found = EchoKernel(definition)
        found.claimed = True
        return found

    def claims(self, changed: Callable[[], None]) -> bool:
        self.watchers.append(weakref.WeakMethod(changed))
        return self.wants


class OutdatedBackend(EchoBackend):
    interface_version = INTERFACE_VERSION - 1


def _install(monkeypatch: pytest.MonkeyPatch, **backends: str) -> None:
    """Make entry points say that these backends, and no others, are installed."""
    points = [
        EntryPoint(name, value, discovery.ENTRY_POINT_GROUP) for name, value in backends.items()
    ]
    monkeypatch.setattr(discovery, "entry_points", lambda group: points)


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, compile="echo")
    monkeypatch.setattr(EntryPoint, "load", lambda self: EchoBackend)
    EchoKernel.made = 0


def function(x: int, y: int = 2, *, z: int = 3) -> Any:
    """Some words."""
    raise AssertionError("only a backend runs kernels")


def positional(x: int, /, target: int, call: int = 5) -> Any:
    raise AssertionError("only a backend runs kernels")


@pytest.mark.usefixtures("echo")
def test_arguments_arrive_by_position_with_defaults() -> None:
    kernel = helion.kernel(function)
    assert kernel(1) == (1, 2, 3)
    assert kernel(1, z=9) == (1, 2, 9)
    assert kernel(y=5, x=4) == (4, 5, 3)
    assert helion.kernel(positional)(1, call=7, target=2) == (1, 2, 7)
    assert EchoKernel.made == 2


@pytest.mark.usefixtures("echo")
def test_wrong_arguments_are_pythons_own_errors() -> None:
    kernel: Any = helion.kernel(function)
    with pytest.raises(
        TypeError, match=r"^function\(\) missing 1 required positional argument: 'x'"
    ):
        kernel()
    with pytest.raises(TypeError, match=r"^function\(\) takes from 1 to 2 positional arguments"):
        kernel(1, 2, 3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'w'"):
        kernel(1, w=2)
    with pytest.raises(TypeError, match="missing"):
        kernel.bind(())


def test_metadata_is_that_of_the_function() -> None:
    kernel = helion.kernel()(function)
    assert kernel.__doc__ == "Some words."
    assert kernel.__module__ == __name__
    assert inspect.signature(kernel) == inspect.signature(function)
    assert kernel.fn is function
    assert kernel.name == "function"
    assert repr(kernel).startswith("<helion kernel function(")
    assert helion.jit is helion.kernel


@pytest.mark.usefixtures("echo")
def test_the_seconds_of_a_search_count_from_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, now = helion.kernel(function), [100.0]
    bind = EchoKernel.bind

    def imported_and_traced(self: EchoKernel, args: tuple[Any, ...]) -> Any:
        now[0] += 6.0
        return bind(self, args)

    monkeypatch.setattr(EchoKernel, "bind", imported_and_traced)
    monkeypatch.setattr("helion.kernels.time", SimpleNamespace(monotonic=lambda: now[0]))
    told = cast("Any", kernel.autotune((1,), seconds=20))[2]
    assert told == {"began": 100.0, "seconds": 20}


@pytest.mark.usefixtures("echo")
def test_bound_kernel_passes_everything_on() -> None:
    kernel = helion.kernel(function)
    bound = kernel.bind((1,))
    config = helion.Config(num_warps=8)
    assert bound(7) == ((1, 2, 3), (7, 2, 3))
    assert bound.config_spec == "space"
    assert bound.compile_config(config)(1) == (config, (1, 2, 3))
    bound.set_config(config)
    assert bound.to_triton_code() == bound.to_code() == f"code {config}"
    assert bound.settings is kernel.settings
    assert bound.autotune((1,), force=False, effort=3) == ((1, 2, 3), False, {"effort": 3})
    assert kernel.specialization_key((1,)) == 3
    kernel.reset()


@pytest.mark.usefixtures("echo")
def test_new_settings_and_configs_start_afresh() -> None:
    kernel = helion.kernel(function)
    kernel(1)
    kernel(1)
    assert EchoKernel.made == 1
    kernel.settings = attrs.evolve(kernel.settings, print_output_code=True)
    kernel(1)
    kernel.configs = [helion.Config(num_warps=2)]
    kernel(1)
    assert EchoKernel.made == 3
    assert kernel.configs == (helion.Config(num_warps=2),)


@helion.kernel
def module_level(x: int) -> int:
    return x


def test_kernel_is_pickled_by_name_and_not_copied() -> None:
    assert pickle.loads(pickle.dumps(module_level)) is module_level
    assert copy.deepcopy(module_level) is module_level


def test_configs_may_be_mappings() -> None:
    config = helion.Config(num_warps=8)
    assert helion.kernel(config={"num_warps": 8})(function).configs == (config,)
    assert helion.kernel(configs=[config, {}])(function).configs == (config, helion.Config())
    assert helion.kernel(function).configs == ()
    with pytest.raises(InvalidConfig, match="num_warp"):
        helion.kernel(config={"num_warp": 8})


def test_reference_mode_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch)
    backend = discovery.find_backend(helion.Settings(ref_mode=True), lambda: None)
    assert isinstance(backend, ReferenceBackend)
    assert isinstance(backend, Backend)


@pytest.mark.parametrize(
    ("installed", "settings", "remedy"),
    [
        ((), helion.Settings(), "helion-compiler"),
        (("bundle",), helion.Settings(), "HELION_BUNDLE"),
        (("compile",), helion.Settings(bundle="k.helion"), "pip install helion-runtime"),
    ],
)
def test_missing_backend_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
    installed: tuple[str, ...],
    settings: helion.Settings,
    remedy: str,
) -> None:
    _install(monkeypatch, **dict.fromkeys(installed, "x"))
    monkeypatch.setattr(EntryPoint, "load", lambda self: EchoBackend)
    kernel = helion.kernel(settings=settings)(function)
    with pytest.raises(BackendNotInstalled) as caught:
        kernel(1)
    assert remedy in (caught.value.diagnostic.help or "")


def test_a_backend_may_claim_kernels_and_leave_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs a kernel is asked anew when the claimant says that its answer has changed."""
    _install(monkeypatch, compile="echo", bundle="claiming")
    monkeypatch.setattr(
        EntryPoint,
        "load",
        lambda self: ClaimingBackend if self.name == "bundle" else EchoBackend,
    )
    monkeypatch.setattr(ClaimingBackend, "watchers", [])
    kernel = helion.kernel(function)

    def claimed() -> bool:
        assert kernel(1) == (1, 2, 3)
        found: Any = kernel._implementation
        return bool(found.claimed)

    assert not claimed()
    for wants in (True, False):
        monkeypatch.setattr(ClaimingBackend, "wants", wants)
        assert claimed() is not wants, "nobody has been told yet"
        for watcher in list(ClaimingBackend.watchers):
            watcher()()  # type: ignore[misc]  # the kernel is alive
        assert claimed() is wants
    named = helion.kernel(function, bundle="kernels.helion")
    named(1)
    assert len({id(watcher().__self__) for watcher in ClaimingBackend.watchers}) == 1  # type: ignore[union-attr]  # as above


def test_a_kernel_is_freed_with_its_class() -> None:
    kernel = helion.kernel(function)
    alive = weakref.ref(kernel), weakref.ref(type(kernel))
    assert isinstance(kernel, helion.Kernel)
    assert type(kernel).__name__ == "Kernel"
    del kernel
    gc.collect()
    assert [reference() for reference in alive] == [None, None]


def test_what_torch_is_told_of_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, compile="echo")
    monkeypatch.setattr(EntryPoint, "load", lambda self: EchoBackend)
    kernel = helion.kernel(function)
    assert kernel.operator((1,)) == ((1, 2, 3), None)
    assert kernel.operator((1,), "mine::k") == ((1, 2, 3), "mine::k")
    before: Any = kernel._implementation
    assert before.definition.gradient is None
    kernel.register_autograd(len, setup_context=print)
    assert kernel(1) == (1, 2, 3)
    after: Any = kernel._implementation
    assert (after.definition.gradient.backward, after.definition.gradient.setup_context) == (
        len,
        print,
    )


def test_dynamo_is_told_as_torch_does_it() -> None:
    """The mark that :mod:`helion.in_graph` sets without loading Dynamo."""
    torch = pytest.importorskip("torch")

    def marked() -> bool:
        return True

    torch.compiler.assume_constant_result(marked)
    traced: Any = in_graph(len)
    (keep,) = (
        cell.cell_contents for cell in traced.__closure__ if cell.cell_contents.__name__ == "keep"
    )
    assert vars(keep) == vars(marked)


def test_backend_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, compile="no_such_module_anywhere:Backend")
    with pytest.raises(BackendNotInstalled, match="no_such_module_anywhere"):
        helion.kernel(function)(1)


def test_backend_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, compile="outdated")
    monkeypatch.setattr(EntryPoint, "load", lambda self: OutdatedBackend)
    with pytest.raises(IncompatibleBackend, match=f"needs {INTERFACE_VERSION}"):
        helion.kernel(function)(1)


@pytest.mark.parametrize("b", [1, 3, 8])
def test_sizes(b: int) -> None:
    for a in range(40):
        assert helion.cdiv(a, b) == len(range(0, a, b))
        power = helion.next_power_of_2(a)
        assert power.bit_count() == 1
        assert power >= a
        assert power == 1 or power // 2 < a
