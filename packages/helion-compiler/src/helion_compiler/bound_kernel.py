"""A kernel specialised for one set of arguments: its Program, its config space, and what was compiled of it."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import attrs
import torch
from helion import Config, exc

from helion_compiler.building import build_binary, load_kernel, make_variant, target_of_device
from helion_compiler.building.specialization import specialize
from helion_compiler.building.variant import aligned_leaves
from helion_compiler.interpreted import run_interpreted
from helion_compiler.pipeline import make_program, make_source
from helion_compiler.space import derive_space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion.backends import KernelDefinition
    from helion_runtime import Dispatcher, KernelImage
    from helion_runtime.entries import VariantEntry

    from helion_compiler.building import Target
    from helion_compiler.emission import EmittedKernel
    from helion_compiler.program.program import Program
    from helion_compiler.scheduling import Schedule
    from helion_compiler.space import ConfigSpace
    from helion_compiler.staging import StagedFunction
    from helion_compiler.tracing.arguments import Call


@attrs.frozen(eq=False)
class Lowered:
    """One config's source, not yet compiled."""

    config: Config
    schedule: Schedule
    emitted: EmittedKernel


@attrs.frozen(eq=False)
class Built:
    """One config's variant and binary for one target."""

    variant: VariantEntry
    image: KernelImage


class CompiledBoundKernel:
    """Implements ``helion.backends.BoundKernelImplementation``."""

    def __init__(
        self,
        definition: KernelDefinition,
        staged: StagedFunction,
        call: Call,
        dispatcher: Dispatcher,
    ) -> None:
        self.definition = definition
        self.aligned = aligned_leaves(call.leaves)
        self.program: Program = make_program(staged, call, definition.settings)
        self.space: ConfigSpace = derive_space(self.program, self.aligned)
        self._call = call
        self._dispatcher = dispatcher
        # The tuner compiles in threads while a first call waits for its config: two locks, never one inside the other's work.
        self._lowering = threading.RLock()
        self._choosing = threading.RLock()
        self._config: Config | None = None
        self._lowered: dict[Config, Lowered] = {}
        self._built: dict[tuple[Config, Target], Built] = {}
        self._functions: dict[Config, Any] = {}
        self._single: dict[tuple[Config, Target], Dispatcher] = {}

    @property
    def config_spec(self) -> ConfigSpace:
        """The config space; has ``default_config()``."""
        return self.space

    @property
    def leaf_names(self) -> tuple[str, ...]:
        """The names of what the kernel takes once functions and captures are taken apart."""
        return self._call.names

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
        chosen = config or self._config or self._authored() or self.space.default_config()
        return self.lower(chosen).emitted.source

    def autotune(self, args: tuple[Any, ...], *, force: bool = True, **options: Any) -> Config:
        """Search for the fastest config on ``args``, use it, and return it."""
        from helion_compiler.tuning import autotune  # noqa: PLC0415  # the tuner loads when it is asked for

        leaves = self._leaves(args)
        config = autotune(self, args, leaves, force=force, options=options)
        self.set_config(config)
        return config

    # What the rest of the compiler asks.

    def lower(self, config: Config) -> Lowered:
        """The source of a config."""
        with self._lowering:
            lowered = self._lowered.get(config)
            if lowered is None:
                point = self.space.point(config)
                schedule, emitted = make_source(self.program, point, self.definition.settings)
                lowered = self._lowered[config] = Lowered(config, schedule, emitted)
                if self.definition.settings.print_output_code:
                    print(emitted.source, file=sys.stderr)
            return lowered

    def build(
        self,
        config: Config,
        target: Target,
        compiler: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> Built:
        """The variant and binary of a config. Safe to call from several threads at once.

        ``compiler`` is passed on to :func:`helion_compiler.building.build_binary`.
        """
        found = self._built.get((config, target))
        if found is not None:
            return found
        lowered = self.lower(config)
        specialization = specialize(self.program, lowered.emitted, self.aligned)
        image = build_binary(
            lowered.emitted,
            lowered.schedule,
            specialization,
            target,
            config=config.to_json(),
            compiler=compiler,
        )
        variant = make_variant(
            lowered.schedule,
            lowered.emitted,
            specialization,
            image.entry.name,
            self.aligned,
            reserved_sms=self.definition.settings.persistent_reserved_sms,
        )
        built = self._built[config, target] = Built(variant, image)
        return built

    def install(self, leaves: Sequence[Any]) -> None:
        """Give the dispatcher a variant for these leaves, choosing a config first if none is in use."""
        config = self._choose(leaves)
        device = next(leaf.device for leaf in leaves if isinstance(leaf, torch.Tensor))
        built = self.build(config, target_of_device(device))
        self._dispatcher.add(built.variant, {built.image.entry.name: built.image})

    def run_leaves(self, leaves: Sequence[Any], config: Config | None = None) -> Any:
        """Run in the interpreter on CPU leaves."""
        config = config or self._choose(leaves)
        with self._lowering:
            lowered = self.lower(config)
            function = self._functions.get(config)
            if function is None:
                function = self._functions[config] = load_kernel(lowered.emitted)
        specialization = specialize(self.program, lowered.emitted, self.aligned)
        variant = make_variant(
            lowered.schedule, lowered.emitted, specialization, "interpreted", self.aligned
        )
        return run_interpreted(variant, lowered.emitted, function, leaves)

    # Configs.

    def _choose(self, leaves: Sequence[Any]) -> Config:
        """The config in use; the first call decides."""
        with self._choosing:
            if self._config is None:
                from helion_compiler.tuning import choose_config  # noqa: PLC0415  # as above

                self._config = self._fitting(choose_config(self, leaves))
            return self._config

    def _authored(self) -> Config | None:
        configs = self.definition.configs
        return configs[0] if configs else None

    def _fitting(self, config: Config) -> Config:
        self.space.point(config)
        return config

    # Calls.

    def _leaves(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        from helion_compiler.tracing.arguments import split  # noqa: PLC0415  # off the hot path

        kernel = self._call.kernel.original
        parameters = tuple(self.definition.signature.parameters)
        constants = frozenset(
            name
            for name, template in zip(parameters, self._call.templates, strict=True)
            if type(template).__name__ == "Constant"
        )
        return split(kernel, parameters, constants, args).leaves

    def arguments(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """The kernel's own arguments for these leaves."""
        arguments, _, _ = self._call.join(leaves)
        return arguments

    def _run(self, args: tuple[Any, ...], config: Config | None) -> Any:
        leaves = self._leaves(args)
        device = next(leaf.device for leaf in leaves if isinstance(leaf, torch.Tensor))
        if device.type == "cpu":
            return self.run_leaves(leaves, config)
        if device.type != "cuda":
            raise exc.DeviceNotAvailable(
                device=str(device), reason="kernels run on CUDA or CPU tensors"
            )
        if config is None:
            return self._dispatcher(*leaves)
        key = (config, target_of_device(device))
        dispatcher = self._single.get(key)
        if dispatcher is None:
            dispatcher = self._single[key] = self.dispatcher_for(self.build(*key))
        return dispatcher(*leaves)

    def dispatcher_for(self, built: Built) -> Dispatcher:
        """A dispatcher that knows one variant alone."""
        from helion_runtime import Dispatcher  # noqa: PLC0415  # as above

        dispatcher = Dispatcher(self.definition.name, self.leaf_names)
        dispatcher.add(built.variant, {built.image.entry.name: built.image})
        return dispatcher
