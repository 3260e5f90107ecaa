"""A kernel specialised for one set of arguments, as users see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion.backends import BoundKernelImplementation
    from helion.calling import Forwarder
    from helion.config import Config
    from helion.settings import Settings

R = TypeVar("R")


class BoundKernel(Generic[R]):
    """What :meth:`Kernel.bind` returns. It is called as the kernel is, keywords and defaults included."""

    __slots__ = ("_call", "_forwarder", "_implementation", "settings")

    def __init__(
        self, implementation: BoundKernelImplementation, settings: Settings, forwarder: Forwarder
    ) -> None:
        self._implementation = implementation
        self._forwarder = forwarder
        self._call = forwarder.to(implementation.__call__)
        self.settings = settings

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        """Run with arguments that match the specialization."""
        result: R = self._call(*args, **kwargs)
        return result

    @property
    def config_spec(self) -> Any:
        """The search space of this specialization; its ``default_config()`` is the config without tuning."""
        return self._implementation.config_spec

    def set_config(self, config: Config) -> None:
        """Use ``config`` from now on. Raises InvalidConfig if it does not fit."""
        self._implementation.set_config(config)

    def compile_config(self, config: Config) -> Callable[..., R]:
        """A callable that runs ``config``, whatever is set."""
        return self._forwarder.to(self._implementation.compile_config(config))

    def autotune(self, args: tuple[Any, ...], *, force: bool = True, **options: Any) -> Config:
        """Search for the fastest config on ``args``, use it, and return it."""
        normalized = self._forwarder.to(lambda *given: given)(*args)
        return self._implementation.autotune(normalized, force=force, **options)

    def to_triton_code(self, config: Config | None = None) -> str:
        """The Triton source for ``config``, or for the config in use."""
        return self._implementation.to_triton_code(config)

    def to_code(
        self,
        config: Config | None = None,
        *,
        options: OutputCodeOptions | None = None,  # noqa: ARG002 - see OutputCodeOptions
    ) -> str:
        """The generated source; the same as :meth:`to_triton_code`."""
        return self.to_triton_code(config)


@attrs.frozen
class OutputCodeOptions:
    """What generated source may contain, for :meth:`BoundKernel.to_code`.

    Attributes:
        allow_helion_deps: whether it may import Helion. Our source never does: it is Triton, and the mathematical
            functions that torch and Triton bring along.
    """

    allow_helion_deps: bool = True
