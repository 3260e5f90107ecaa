"""Who runs a kernel: the Protocols between the language and its backends, found by entry point.

A backend is registered in the entry-point group ``helion.backends`` as a class that is called with no arguments.
The language never imports a backend by name. Raising :data:`INTERFACE_VERSION` is a breaking change of these Protocols.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import attrs

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Hashable, Mapping

    from helion.config import Config
    from helion.settings import Settings

INTERFACE_VERSION = 2
ENTRY_POINT_GROUP = "helion.backends"


@attrs.frozen(eq=False)
class Gradient:
    """How a kernel is differentiated: the arguments of ``torch.library.register_autograd``."""

    backward: Callable[..., Any]
    setup_context: Callable[..., Any] | None = None


@attrs.frozen(eq=False)
class KernelDefinition:
    """What the decorator was told: everything a backend may know of a kernel before its first call."""

    function: Callable[..., Any]
    name: str
    signature: inspect.Signature
    configs: tuple[Config, ...]
    settings: Settings
    key: Callable[..., Hashable] | None = None
    gradient: Gradient | None = None
    options: Mapping[str, Any] = MappingProxyType({})


@runtime_checkable
class BoundKernelImplementation(Protocol):
    """A kernel specialised for one set of arguments."""

    @property
    def config_spec(self) -> Any:
        """The search space of this specialization; has ``default_config()``."""

    def __call__(self, *args: Any) -> Any:
        """Run with arguments that match the specialization."""

    def set_config(self, config: Config) -> None:
        """Use this config from now on; refuses one that does not fit."""

    def compile_config(self, config: Config) -> Callable[..., Any]:
        """A callable that runs this config, whatever is set."""

    def autotune(self, args: tuple[Any, ...], *, force: bool = True, **options: Any) -> Config:
        """Search for the fastest config, use it, and return it."""

    def to_triton_code(self, config: Config | None = None) -> str:
        """The Triton source for ``config``, or for the config in use."""


@runtime_checkable
class KernelImplementation(Protocol):
    """A kernel as a backend runs it. Arguments arrive positionally, defaults filled in."""

    def __call__(self, *args: Any) -> Any:
        """Run the kernel.

        Under torch's dispatch modes, and with tensors that are fake or traced, this calls an operator of torch's in its
        place, which the mode sees.
        """

    def operator(self, args: tuple[Any, ...], name: str | None = None) -> Any:
        """The operator of torch's that calls like this one become where they are traced, as ``namespace::name`` if a
        name is given."""

    def bind(self, args: tuple[Any, ...]) -> BoundKernelImplementation:
        """Specialise for these arguments without running."""

    def specialization_key(self, args: tuple[Any, ...]) -> Hashable:
        """What of the arguments the compiled program depends on."""

    def reset(self) -> None:
        """Forget every specialization and result held in memory."""


@runtime_checkable
class Backend(Protocol):
    """Runs kernels. ``interface_version`` must equal :data:`INTERFACE_VERSION`."""

    @property
    def interface_version(self) -> int:
        """The version of these Protocols that the backend was written against."""

    def implement(self, definition: KernelDefinition) -> KernelImplementation:
        """Take charge of one kernel."""


@runtime_checkable
class Claimant(Protocol):
    """A backend that may run kernels whose settings ask for none."""

    def claims(self, changed: Callable[[], None]) -> bool:
        """Whether it runs them now. ``changed``, a bound method that is to be kept weakly, is called when that
        changes, or what they run from."""
