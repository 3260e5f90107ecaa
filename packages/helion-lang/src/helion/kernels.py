"""Kernel: a decorated function, which finds its backend when it is first called."""

from __future__ import annotations

import functools
import inspect
import threading
import time
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, Self, TypeVar, Unpack, overload

from helion.backends import Gradient, KernelDefinition, KernelImplementation
from helion.bound_kernel import BoundKernel
from helion.calling import Forwarder
from helion.config import Config
from helion.discovery import find_backend
from helion.exc import InvalidConfig, InvalidSetting
from helion.in_graph import in_graph
from helion.settings import SettingKeywords, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Kernel(Generic[P, R]):
    """A function whose tile loops run on the device; call it like the function it decorates.

    Attributes:
        fn: the decorated function.
        name: its name.
        configs: the configs its author gave; empty where it is to be tuned.
        settings: how it is compiled, run and tuned. Assigning new settings or configs starts afresh.
        normalize_args: takes what the kernel takes, and returns one argument per parameter, in order.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_configs",
        "_forwarder",
        "_gradient",
        "_implementation",
        "_in_graph",
        "_key",
        "_lock",
        "_settings",
        "_signature",
        "fn",
        "name",
        "normalize_args",
    )

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """A kernel is the only one of a class of its own, whose ``__call__`` has its parameters: no Python frame stands
        between caller and forwarder, and Dynamo finds a method to follow."""
        names = {"__slots__": (), "__module__": cls.__module__, "__doc__": cls.__doc__}
        own = type(cls.__name__, (cls,), names)
        return object.__new__(own)

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
            """Run the kernel, compiling it first where need be."""

    fn: Callable[P, R]
    name: str
    normalize_args: Callable[..., tuple[Any, ...]]
    _implementation: KernelImplementation | None

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        configs: Sequence[Config],
        settings: Settings,
        key: Callable[..., Hashable] | None = None,
    ) -> None:
        self.fn = fn
        self.name = getattr(fn, "__name__", type(fn).__name__)
        self._signature = inspect.signature(fn)
        self._forwarder = Forwarder(fn, self._signature)
        self._in_graph = in_graph(lambda *args: self._implement()(*args))
        self.normalize_args = self._forwarder.to(lambda *args: args)
        self._key = key
        self._gradient: Gradient | None = None
        self._configs = tuple(configs)
        self._settings = settings
        self._lock = threading.Lock()
        functools.update_wrapper(self, fn)
        self._forget()

    @property
    def configs(self) -> tuple[Config, ...]:
        """The configs that may be used without a search."""
        return self._configs

    @configs.setter
    def configs(self, configs: Sequence[Config]) -> None:
        self._configs = tuple(configs)
        self._forget()

    @property
    def settings(self) -> Settings:
        """How the kernel is compiled, run and tuned."""
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        self._forget()

    def bind(self, args: tuple[Any, ...]) -> BoundKernel[R]:
        """Specialise for ``args`` without running; defaults may be left out."""
        bound = self._implement().bind(self.normalize_args(*args))
        return BoundKernel(bound, self._settings, self._forwarder)

    def autotune(self, args: tuple[Any, ...], *, force: bool = True, **options: Any) -> Config:
        """Search for the fastest config on ``args``, use it from now on, and return it.

        Args:
            args: what the kernel would be called with.
            force: search even if a config is given or remembered.
            options: passed to the search. ``seconds`` are those of the whole call, with importing the compiler, where
                this is the first call that needs it, and tracing.
        """
        began = time.monotonic()
        normalized = self.normalize_args(*args)
        bound = self._implement().bind(normalized)
        return bound.autotune(normalized, force=force, **{"began": began, **options})

    def specialization_key(self, args: tuple[Any, ...]) -> Hashable:
        """What of ``args`` the compiled program depends on."""
        return self._implement().specialization_key(self.normalize_args(*args))

    def operator(self, args: tuple[Any, ...], name: str | None = None) -> Any:
        """The operator of torch's that calls with arguments like ``args`` become where they are traced.

        Nothing is compiled or run. Calls are traced without this, too: under ``torch.compile``, ``torch.export``,
        ``make_fx`` and fake tensors, by operators named ``helion::<kernel>``. Programs that are exported in one process
        and loaded in another take a ``name`` of their own, as ``"my_model::rms_norm"``, given in both.
        """
        return self._implement().operator(self.normalize_args(*args), name)

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Say how the kernel is differentiated, as :func:`torch.library.register_autograd` does; calls with tensors
        that require gradients are recorded from then on.

        Args:
            backward: ``backward(ctx, *grads)`` returns a gradient, or None, for each argument of the operator.
            setup_context: ``setup_context(ctx, inputs, output)`` keeps in ``ctx`` what ``backward`` needs.
        """
        self._gradient = Gradient(backward, setup_context)
        self._forget()

    def reset(self) -> None:
        """Forget every specialization held in memory."""
        if self._implementation is not None:
            self._implementation.reset()

    def __reduce__(self) -> str:
        # Like a function: pickled by name, and never copied.
        name: str = self.fn.__qualname__
        return name

    def __repr__(self) -> str:
        return f"<helion kernel {self.name}{self._signature}>"

    def _implement(self) -> KernelImplementation:
        with self._lock:
            if self._implementation is None:
                definition = KernelDefinition(
                    function=self.fn,
                    name=self.name,
                    signature=self._signature,
                    configs=self._configs,
                    settings=self._settings,
                    key=self._key,
                    gradient=self._gradient,
                )
                implementation = find_backend(self._settings, self._forget).implement(definition)
                self._implementation = implementation
                self._route(implementation.__call__)
            return self._implementation

    def _run_first(self, *args: Any) -> R:
        result: R = self._implement()(*args)
        return result

    def _forget(self) -> None:
        with self._lock:
            self._implementation = None
            self._route(self._run_first)

    def _route(self, run: Callable[..., R]) -> None:
        type(self).__call__ = self._forwarder.to_method(run, self._in_graph)  # type: ignore[method-assign]  # see __new__


class KernelDecorator(Protocol):
    """Makes kernels of functions, keeping their signatures."""

    def __call__(self, fn: Callable[P, R_co], /) -> Kernel[P, R_co]:
        """The kernel that runs ``fn``."""


@overload
def kernel(
    fn: Callable[P, R],
    /,
    *,
    config: Config | Mapping[str, Any] | None = None,
    configs: Sequence[Config | Mapping[str, Any]] | None = None,
    key: Callable[..., Hashable] | None = None,
    settings: Settings | None = None,
    **given: Unpack[SettingKeywords],
) -> Kernel[P, R]: ...
@overload
def kernel(
    fn: None = None,
    /,
    *,
    config: Config | Mapping[str, Any] | None = None,
    configs: Sequence[Config | Mapping[str, Any]] | None = None,
    key: Callable[..., Hashable] | None = None,
    settings: Settings | None = None,
    **given: Unpack[SettingKeywords],
) -> KernelDecorator: ...
def kernel(
    fn: Callable[P, R] | None = None,
    /,
    *,
    config: Config | Mapping[str, Any] | None = None,
    configs: Sequence[Config | Mapping[str, Any]] | None = None,
    key: Callable[..., Hashable] | None = None,
    settings: Settings | None = None,
    **given: Unpack[SettingKeywords],
) -> Kernel[P, R] | KernelDecorator:
    """Make a kernel of a function: ``@helion.kernel``, ``@helion.kernel()`` or with arguments.

    Args:
        fn: the function, when used without parentheses.
        config: the one config to use, without tuning.
        configs: configs to measure on the first call, of which the fastest is kept.
        key: further arguments to specialise on: called with the kernel's arguments, returns something hashable.
        settings: complete settings, in place of keywords and environment.
        given: settings by name; see :class:`helion.Settings`.

    Raises:
        InvalidConfig: a config is malformed, or both ``config`` and ``configs`` are given.
        InvalidSetting: a setting is unknown or malformed, or ``settings`` comes with others.
        StarredArgsNotSupportedOnDevice: the function takes ``*args`` or ``**kwargs``.
    """
    chosen = _chosen_settings(settings, given)
    authored = _authored_configs(config, configs)

    def decorate(function: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(function, configs=authored, settings=chosen, key=key)

    if fn is None:
        # mypy cannot see that a closure over P and R is generic in them again.
        return decorate  # type: ignore[return-value]
    return decorate(fn)


jit = kernel


def _chosen_settings(settings: Settings | None, given: Mapping[str, Any]) -> Settings:
    if settings is None:
        return Settings.read(given)
    if given:
        raise InvalidSetting(
            setting="settings",
            value="Settings(...)",
            problem=f"{', '.join(given)} given as well",
            allowed="give either `settings=` or single settings; `attrs.evolve` changes some",
        )
    return settings


def _authored_configs(
    config: Config | Mapping[str, Any] | None,
    configs: Sequence[Config | Mapping[str, Any]] | None,
) -> tuple[Config, ...]:
    if config is not None and configs is not None:
        raise InvalidConfig(
            key="configs",
            value=repr(configs),
            problem="`config` is given as well",
            allowed="give `config` to use one, or `configs` to measure several",
        )
    given = configs if configs is not None else () if config is None else (config,)
    return tuple(one if isinstance(one, Config) else Config.from_dict(one) for one in given)
