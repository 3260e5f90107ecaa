"""The backend ``bundle``: runs ``@helion.kernel`` functions from a bundle, without the compiler.

In: definitions from :mod:`helion`, known here by structure only. Out: objects that satisfy its
Protocols. The bundles are those at ``definition.settings.bundle``, or else those that the program uses
(:func:`helion_runtime.use`); the op is the one with the kernel's name in the first bundle that has one.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import torch

from helion_runtime.errors import (
    CallError,
    NoBundleError,
    NoOpError,
    PrecompiledError,
    RegistrationError,
)
from helion_runtime.in_use import IN_USE, BundlesInUse
from helion_runtime.parameters import route
from helion_runtime.signature import dtype_name
from helion_runtime.torch_op import NAMESPACE, count_modes, free_name, is_recorded, split_name

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Hashable

    from helion_runtime.bundle import Bundle
    from helion_runtime.dispatch import Dispatcher
    from helion_runtime.torch_op import TorchOp


class Settings(Protocol):
    """Of a kernel's settings, what this backend reads."""

    @property
    def bundle(self) -> str | os.PathLike[str] | None:
        """Where the bundle is, or several with ``os.pathsep`` between them."""


class Gradient(Protocol):
    """How a kernel is differentiated: what :func:`torch.library.register_autograd` takes."""

    @property
    def backward(self) -> Callable[..., Any]:
        """Computes gradients."""

    @property
    def setup_context(self) -> Callable[..., Any] | None:
        """Keeps what that needs."""


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

    @property
    def gradient(self) -> Gradient | None:
        """How it is differentiated, where its author says so."""


class BundleBackend:
    """Implements kernels by the ops of bundles. Each bundle is opened once."""

    interface_version = 2

    def __init__(
        self,
        open_bundle: Callable[[str], Bundle] | None = None,
        in_use: BundlesInUse = IN_USE,
    ) -> None:
        self._open = _load if open_bundle is None else open_bundle
        self._in_use = in_use
        self._bundles: dict[str, Bundle] = {}
        self._lock = threading.Lock()

    def implement(self, definition: Definition) -> PrecompiledKernel:
        """Take charge of one kernel. Its bundle is opened when the kernel is first used."""
        return PrecompiledKernel(definition, self._find)

    def claims(self, changed: Callable[[], None]) -> bool:
        """Whether kernels whose settings name no bundle run from one now. ``changed``, a bound method, is called when
        the answer or the bundles change; it keeps nothing alive."""
        self._in_use.watch(changed)
        return bool(self._in_use.bundles)

    def _find(self, setting: str | os.PathLike[str] | None) -> tuple[Bundle, ...]:
        """The bundles that a kernel with this setting may run from."""
        if not setting:
            return self._in_use.bundles
        return tuple(map(self._bundle, filter(None, os.fspath(setting).split(os.pathsep))))

    def _bundle(self, path: str) -> Bundle:
        with self._lock:
            if path not in self._bundles:
                self._bundles[path] = self._open(path)
            return self._bundles[path]


class PrecompiledKernel:
    """A kernel whose compiled variants are an op of a bundle."""

    def __init__(
        self,
        definition: Definition,
        find_bundles: Callable[[str | os.PathLike[str] | None], tuple[Bundle, ...]],
    ) -> None:
        self._definition = definition
        self._find_bundles = find_bundles
        self._recorded = definition.gradient is not None
        self._op: Dispatcher | None = None
        self._call: Callable[..., Any] | None = None

    def __call__(self, *args: object) -> Any:
        """Run the op. Raises :class:`ParameterError` where it does not take what the kernel does."""
        if count_modes() or (self._recorded and is_recorded(args)):
            return self._torch_op().call(*self._passed_on(args))
        try:
            return (self._call or self._connect())(*args)
        except CallError as error:
            error.add_note(f"kernel {self._definition.name!r} runs from {self._place}")
            raise

    @property
    def op(self) -> Dispatcher:
        """The op, opening the bundle on first use. Raises :class:`NoBundleError` or
        :class:`NoOpError`."""
        if self._op is None:
            name = self._definition.name
            bundles = self._find_bundles(self._definition.settings.bundle)
            if not bundles:
                raise NoBundleError(
                    f"kernel {name!r}: no bundle to run it from; set HELION_BUNDLE or the setting bundle= to one, call "
                    "helion_runtime.use(PATH), or install helion-compiler to compile it here"
                )
            holding = next((bundle for bundle in bundles if name in bundle.ops), None)
            if holding is None:
                rows = [f"  {bundle.path}: {', '.join(bundle.ops)}" for bundle in bundles]
                raise NoOpError(
                    "\n".join(
                        (
                            f"kernel {name!r}: no bundle has an op of that name; there are",
                            *rows,
                            "Build a bundle with this kernel in it",
                        )
                    )
                )
            self._place = holding.path
            self._op = holding.ops[name]
        return self._op

    def operator(self, args: tuple[Any, ...], name: str | None = None) -> Any:
        """The operator of torch's that the op is, registered if it was not; raises where the bundle has no variant for
        ``args`` or the op has another name."""
        self._passed_on(args)
        op = self._torch_op(name).operator
        if name is not None and op._schema.name != name:
            raise RegistrationError(
                f"kernel {self._definition.name!r}: its op is registered as {op._schema.name}; name it before it is "
                "traced"
            )
        return op

    def bind(self, args: tuple[Any, ...]) -> PrecompiledBoundKernel:
        """The kernel for arguments like these; raises where the bundle has no variant for them."""
        self.op.prepare(self._passed_on(args))
        return PrecompiledBoundKernel(self.op.name, self._connect())

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

    def _passed_on(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        passed_on = self._route()
        return args if passed_on is None else passed_on(args)

    def _route(self) -> Callable[[tuple[Any, ...]], tuple[Any, ...]] | None:
        parameters = tuple(self._definition.signature.parameters)
        return route(self._definition.name, parameters, self.op.arguments)

    def _torch_op(self, name: str | None = None) -> TorchOp:
        """The op as an operator of torch's, registered if it was not."""
        op, gradient = self.op, self._definition.gradient
        named = None if name is None else split_name(name, f"kernel {op.name!r}")
        if op.torch_op is None:
            namespace, own = named or (NAMESPACE, free_name(NAMESPACE, op.name))
            op.register(namespace, name=own)
        assert op.torch_op is not None, "registered just now"
        if gradient is not None and not op.torch_op.gradients:
            op.torch_op.record_gradients(gradient.backward, gradient.setup_context)
        return op.torch_op


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
            "helion-compiler and use no bundle to compile and tune it here"
        )


def _load(path: str) -> Bundle:
    from helion_runtime.bundle import load

    return load(path)


def _key(value: object) -> Hashable:
    if not isinstance(value, torch.Tensor):
        return type(value).__name__, repr(value)
    place = str(value.device)
    return dtype_name(value.dtype), tuple(value.shape), tuple(value.stride()), place
