"""A specialization in use: it has a config, given, found or searched for, and runs it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from helion import Config, exc
from helion_compiler.building import target_of_device
from helion_compiler.tracing.arguments import device_of
from helion_compiler.tuning.choose_config import autotune, choose_config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_compiler.building import Target
    from helion_compiler.space import ConfigSpace
    from helion_compiler.specialized_kernel import SpecializedKernel
    from helion_compiler.tuning.worker_source import WorkerSource
    from helion_runtime import Dispatcher


class CompiledBoundKernel:
    """Implements ``helion.backends.BoundKernelImplementation``.

    ``dispatcher`` is shared with the other specializations of the same functions; it launches on GPUs. Tensors on
    the CPU run in Triton's interpreter. Searches have their workers of ``workers``.
    """

    def __init__(
        self, specialized: SpecializedKernel, dispatcher: Dispatcher, workers: WorkerSource
    ) -> None:
        self.specialized = specialized
        self._dispatcher = dispatcher
        self._workers = workers
        # Held through a search, whose threads take the specialization's own lock.
        self._choosing = threading.RLock()
        self._config: Config | None = None
        self._single: dict[tuple[Config, Target], Dispatcher] = {}

    @property
    def config_spec(self) -> ConfigSpace:
        """The config space; has ``default_config()``."""
        return self.specialized.space

    def __call__(self, *args: Any) -> Any:
        """Run with arguments that match the specialization."""
        return self._run(args, None)

    def compile_config(self, config: Config) -> Callable[..., Any]:
        """A callable that runs ``config``, whatever is set. It takes the kernel's own arguments."""
        config = self._fitting(config)

        def run(*args: Any) -> Any:
            return self._run(args, config)

        return run

    def set_config(self, config: Config) -> None:
        """Use ``config`` from now on."""
        self._config = self._fitting(config)
        self._dispatcher.clear()

    def to_triton_code(self, config: Config | None = None) -> str:
        """The Triton source for ``config``, or for the config in use, or for the default."""
        chosen = config or self._config or self._authored() or self.config_spec.default_config()
        return self.specialized.lower(chosen).emitted.source

    def autotune(self, args: tuple[Any, ...], *, force: bool = True, **options: Any) -> Config:
        """Search for the fastest config on ``args``, use it, and return it.

        Options: ``seconds`` and ``evaluations`` limit the search, ``strategy`` names another one; the seconds count
        from ``began`` (of ``time.monotonic``), by default from this call.
        """
        with self._choosing:
            leaves = self.specialized.call.leaves_of(args)
            config = autotune(self.specialized, leaves, self._workers, force=force, options=options)
            self.set_config(config)
            return config

    def install(self, leaves: Sequence[Any]) -> None:
        """Give the dispatcher a variant for these leaves, choosing a config first if none is in use."""
        built = self.specialized.build(self._choose(leaves), target_of_device(device_of(leaves)))
        self._dispatcher.add(built.variant, {built.image.entry.name: built.image})

    def run_leaves(self, leaves: Sequence[Any]) -> Any:
        """Run on CPU leaves."""
        return self.specialized.run_interpreted(leaves, self._choose(leaves))

    def _run(self, args: tuple[Any, ...], config: Config | None) -> Any:
        leaves = self.specialized.call.leaves_of(args)
        device = device_of(leaves)
        if device.type == "cpu":
            return self.specialized.run_interpreted(leaves, config or self._choose(leaves))
        if device.type != "cuda":
            reason = "kernels run on CUDA or CPU tensors"
            raise exc.DeviceNotAvailable(device=str(device), reason=reason)
        if config is None:
            return self._dispatcher(*leaves)
        key = (config, target_of_device(device))
        dispatcher = self._single.get(key)
        if dispatcher is None:
            built = self.specialized.build(*key)
            dispatcher = self._single[key] = self.specialized.dispatcher_for(built)
        return dispatcher(*leaves)

    def _choose(self, leaves: Sequence[Any]) -> Config:
        """The config in use; the first call decides."""
        with self._choosing:
            if self._config is None:
                self._config = self._fitting(choose_config(self.specialized, leaves, self._workers))
            return self._config

    def _authored(self) -> Config | None:
        configs = self.specialized.definition.configs
        return configs[0] if configs else None

    def _fitting(self, config: Config) -> Config:
        self.specialized.point(config)
        return config
