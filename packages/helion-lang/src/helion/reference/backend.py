"""Reference mode as a backend: what runs a kernel whose settings say ``ref_mode``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion.backends import INTERFACE_VERSION
from helion.config import Config
from helion.exc import NotInReferenceMode
from helion.reference.run import run

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from helion.backends import KernelDefinition


class ReferenceBackend:
    """Runs kernels as the Python they are written in."""

    interface_version = INTERFACE_VERSION

    def implement(self, definition: KernelDefinition) -> ReferenceKernel:
        """A kernel with the block sizes of its config, where its author gave exactly one."""
        configs = definition.configs
        return ReferenceKernel(definition, configs[0] if len(configs) == 1 else Config())


@attrs.frozen(eq=False)
class ReferenceKernel:
    """One kernel, for any arguments."""

    definition: KernelDefinition
    config: Config

    def __call__(self, *args: Any) -> Any:
        """Run on ``args``."""
        function = self.definition.function
        block_sizes = self.config.get("block_sizes")
        result = run(function, args, block_sizes=block_sizes, tunables=self.config, exactly=False)
        return result.outputs

    def operator(self, args: tuple[Any, ...], name: str | None = None) -> Any:  # noqa: ARG002 - the Protocol's
        """Refused: a kernel that runs as Python is traced as Python, or not at all."""
        raise NotInReferenceMode(function="operator")

    def bind(self, args: tuple[Any, ...]) -> BoundReferenceKernel:  # noqa: ARG002 - the Protocol's
        """The same kernel: nothing is specialised."""
        return BoundReferenceKernel(self)

    def specialization_key(self, args: tuple[Any, ...]) -> Hashable:  # noqa: ARG002 - the Protocol's
        """Nothing depends on the arguments."""
        return ()

    def reset(self) -> None:
        """There is nothing to forget."""


class BoundReferenceKernel:
    """A kernel whose config may be changed; of a config, block sizes and tunables have a meaning here."""

    def __init__(self, kernel: ReferenceKernel) -> None:
        self._kernel = kernel

    @property
    def config_spec(self) -> ReferenceSpace:
        """A space of one config."""
        return ReferenceSpace()

    def __call__(self, *args: Any) -> Any:
        """Run on ``args``."""
        return self._kernel(*args)

    def set_config(self, config: Config) -> None:
        """Use the block sizes of ``config``."""
        self._kernel = attrs.evolve(self._kernel, config=config)

    def compile_config(self, config: Config) -> Callable[..., Any]:
        """A callable that uses the block sizes of ``config``."""
        return attrs.evolve(self._kernel, config=config)

    def autotune(
        self,
        args: tuple[Any, ...],  # noqa: ARG002 - the Protocol's
        *,
        force: bool = True,  # noqa: ARG002 - the Protocol's
        **options: Any,  # noqa: ARG002 - the Protocol's
    ) -> Config:
        """Refused: there is nothing to measure."""
        raise NotInReferenceMode(function="autotune")

    def to_triton_code(
        self,
        config: Config | None = None,  # noqa: ARG002 - the Protocol's
    ) -> str:
        """Refused: there is no generated source."""
        raise NotInReferenceMode(function="to_triton_code")


class ReferenceSpace:
    """The search space of a kernel that is not compiled."""

    def default_config(self) -> Config:
        """No key has to be set: block sizes are chosen as the kernel runs."""
        return Config()
