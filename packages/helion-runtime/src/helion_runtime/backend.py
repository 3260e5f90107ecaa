"""The backend ``bundle``: runs ``@helion.kernel`` functions from a bundle, without the compiler.

In: definitions from :mod:`helion`, known here by structure only. Out: objects that satisfy its
Protocols. The bundle is the one at ``definition.settings.bundle``; the op is the one with the
kernel's name.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import torch

from helion_runtime.errors import NoBundleError, NoOpError, PrecompiledError
from helion_runtime.parameters import route
from helion_runtime.signature import dtype_name

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Hashable

    from helion_runtime.bundle import Bundle
    from helion_runtime.dispatch import Dispatcher


class Settings(Protocol):
    """Of a kernel's settings, what this backend reads."""

    @property
    def bundle(self) -> str | os.PathLike[str] | None:
        """Where the bundle is."""


class Definition(Protocol):
    """Of a kernel's definition, what this backend reads."""

    @property
    def name(self) -> str:
        """The kernel's name, and the op's."""

    @property
    def signature(self) -> inspect.Signature:
        """The kernel's parameters."""

    @property
    def settings(self) -> Settings:
        """The kernel's settings."""


class BundleBackend:
    """Implements kernels by the ops of bundles. Each bundle is opened once."""

    interface_version = 1

    def __init__(self, open_bundle: Callable[[str], Bundle] | None = None) -> None:
        self._open = _load if open_bundle is None else open_bundle
        self._bundles: dict[str, Bundle] = {}
        self._lock = threading.Lock()

    def implement(self, definition: Definition) -> PrecompiledKernel:
        """Take charge of one kernel. Its bundle is opened when the kernel is first used."""
        return PrecompiledKernel(definition, self._bundle)

    def _bundle(self, path: str) -> Bundle:
        with self._lock:
            if path not in self._bundles:
                self._bundles[path] = self._open(path)
            return self._bundles[path]


class PrecompiledKernel:
    """A kernel whose compiled variants are an op of a bundle."""

    def __init__(self, definition: Definition, find_bundle: Callable[[str], Bundle]) -> None:
        self._definition = definition
        self._find_bundle = find_bundle
        self._op: Dispatcher | None = None
        self._call: Callable[..., Any] | None = None

    def __call__(self, *args: object) -> Any:
        """Run the op. Raises :class:`ParameterError` where it does not take what the kernel does."""
        return (self._call or self._connect())(*args)

    @property
    def op(self) -> Dispatcher:
        """The op, opening the bundle on first use. Raises :class:`NoBundleError` or
        :class:`NoOpError`."""
        if self._op is None:
            name = self._definition.name
            path = self._definition.settings.bundle
            if not path:
                raise NoBundleError(
                    f"kernel {name!r}: no bundle to run it from; set HELION_BUNDLE or the setting "
                    "bundle= to one, or install helion-compiler to compile it here"
                )
            bundle = self._find_bundle(os.fspath(path))
            if name not in bundle.ops:
                raise NoOpError(
                    f"kernel {name!r}: the bundle at {bundle.path} has no op of that name; it has "
                    f"{', '.join(bundle.ops)}. Build the bundle with this kernel in it"
                )
            self._op = bundle.ops[name]
        return self._op

    def bind(self, args: tuple[Any, ...]) -> PrecompiledBoundKernel:
        """The kernel for arguments like these; raises where the bundle has no variant for them."""
        op, passed_on = self.op, self._route()
        op.prepare(args if passed_on is None else passed_on(args))
        return PrecompiledBoundKernel(op.name, self._connect())

    def specialization_key(self, args: tuple[Any, ...]) -> Hashable:
        """The dtype, shape, strides and device of each tensor; type and value of each other
        argument."""
        return tuple(_key(value) for value in args)

    def reset(self) -> None:
        """Look the op up again at the next call, in case the setting was changed."""
        self._op = self._call = None

    def _connect(self) -> Callable[..., Any]:
        """The op, behind what turns the kernel's arguments into its own where they differ."""
        op, passed_on = self.op, self._route()
        self._call = op if passed_on is None else lambda *args: op(*passed_on(args))
        return self._call

    def _route(self) -> Callable[[tuple[Any, ...]], tuple[Any, ...]] | None:
        parameters = tuple(self._definition.signature.parameters)
        return route(self._definition.name, parameters, self.op.arguments)


class PrecompiledBoundKernel:
    """A kernel for one kind of arguments. What takes a compiler is refused with an explanation."""

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self._name = name
        self._call = call

    @property
    def config_spec(self) -> NoReturn:
        """Refused: the configs were chosen when the bundle was built."""
        self._refuse("config_spec")

    def __call__(self, *args: object) -> Any:
        """Run the op."""
        return self._call(*args)

    def set_config(self, config: object) -> NoReturn:  # noqa: ARG002  # the Protocol's parameter
        """Refused: takes a compiler."""
        self._refuse("set_config")

    def compile_config(self, config: object) -> NoReturn:  # noqa: ARG002  # the Protocol's parameter
        """Refused: takes a compiler."""
        self._refuse("compile_config")

    def autotune(self, args: tuple[Any, ...], *, force: bool = True, **options: Any) -> NoReturn:  # noqa: ARG002  # the Protocol's parameters
        """Refused: takes a compiler and a tuner."""
        self._refuse("autotune")

    def to_triton_code(self, config: object | None = None) -> NoReturn:  # noqa: ARG002  # the Protocol's parameter
        """Refused: takes a compiler."""
        self._refuse("to_triton_code")

    def _refuse(self, method: str) -> NoReturn:
        raise PrecompiledError(
            f"{method}: op {self._name!r} comes from a bundle, which holds compiled kernels only; install "
            "helion-compiler and leave the setting bundle= empty to compile and tune it here"
        )


def _load(path: str) -> Bundle:
    from helion_runtime.bundle import load

    return load(path)


def _key(value: object) -> Hashable:
    if not isinstance(value, torch.Tensor):
        return type(value).__name__, repr(value)
    place = str(value.device)
    return dtype_name(value.dtype), tuple(value.shape), tuple(value.stride()), place
