"""What to build: a kernel, example arguments, and the choices made for them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import attrs

from helion import Config, Kernel
from helion.backends import KernelDefinition
from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.bundling.example_arguments import on_fake_gpu
from helion_compiler.bundling.size_ranges import RangedTensor, examples_of
from helion_compiler.bundling.tuned_configs import ChosenConfig
from helion_compiler.compiled_kernel import CompiledKernel
from helion_compiler.space.target_traits import TargetTraits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from helion_compiler.building import Target
    from helion_compiler.bundling.tuned_configs import TunedConfigs
    from helion_compiler.specialized_kernel import SpecializedKernel
    from helion_compiler.tuning.worker_source import WorkerSource


def _targets(given: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


def _config(given: Config | Mapping[str, Any] | None) -> Config | None:
    return given if given is None or isinstance(given, Config) else Config.from_dict(given)


@attrs.frozen(eq=False)
class BuildRequest:
    """One variant of an op for each target: ``kernel`` made for arguments like ``args``.

    Attributes:
        kernel: what :func:`helion.kernel` returned.
        args: example arguments, in order; defaults may be left out. Tensors may be on any device,
            also ``meta``: dtype, sizes and strides matter alone. Tensors that a function among them
            captures become further arguments of the op. A :class:`RangedTensor` makes a variant for a range
            of sizes, and for exactly those that are no ranges.
        config: None takes the kernel's own config, or else a tuned one where the build has a lock file or
            records, or the default of its config space.
        targets: such as ``["sm_90"]``; None takes those of the bundle.
        static_shapes: whether the variant serves exactly these sizes; None leaves it to the
            kernel's settings.
        name: the op's name; None takes the kernel's.
    """

    kernel: Kernel[..., Any]
    args: tuple[Any, ...] = attrs.field(converter=tuple)
    config: Config | None = attrs.field(default=None, converter=_config)
    targets: tuple[str, ...] | None = attrs.field(default=None, converter=_targets)
    static_shapes: bool | None = None
    name: str | None = None

    @property
    def op(self) -> str:
        """The op's name."""
        return self.name or self.kernel.name

    def bind(self, target: Target | None = None) -> SpecializedKernel:
        """The kernel traced for these arguments, whatever the environment says about how kernels run.

        Its configs are those for ``target``; None means an NVIDIA GPU.

        Raises:
            helion.exc.HelionError: the kernel cannot be traced for them.
        """
        traits = TargetTraits() if target is None else target.traits
        # Nothing is searched for here, so nothing is to begin that a search would wait for.
        compiled = self.compiled(traits, autotune_effort="none", force_autotune=False)
        function: Any = self.kernel.fn
        return compiled.bind(on_fake_gpu(function, self.normalized_args())).specialized

    def compiled(
        self,
        traits: TargetTraits | None = None,
        workers: WorkerSource | None = None,
        **settings: Any,
    ) -> CompiledKernel:
        """The kernel as the compiler runs it, with some settings in place of its own."""
        function: Any = self.kernel.fn
        if self.static_shapes is not None:
            settings["static_shapes"] = self.static_shapes
        if self.ranged:
            settings["static_shapes"] = False
        definition = KernelDefinition(
            function=function,
            name=self.kernel.name,
            signature=inspect.signature(function),
            configs=self.kernel.configs,
            settings=attrs.evolve(self.kernel.settings, ref_mode=False, bundle=None, **settings),
        )
        return CompiledKernel(definition, traits, workers)

    def given_config(self) -> ChosenConfig | None:
        """The config that the request names, or the only one that the kernel has."""
        if self.config is not None:
            return ChosenConfig(self.config, "config as given")
        configs = self.kernel.configs
        return ChosenConfig(configs[0], "the kernel's config") if len(configs) == 1 else None

    def choose_config(
        self, bound: SpecializedKernel, tuned: TunedConfigs | None = None
    ) -> ChosenConfig:
        """The config to build: given, else tuned, else the default of the config space.

        Raises:
            BundleRequestError: the kernel has several, which would have to be measured; or it was not tuned for
                these arguments, and others were.
        """
        chosen = self.given_config()
        if chosen is None and tuned is not None:
            chosen = tuned.find(bound)
        if chosen is not None:
            return chosen
        if self.kernel.configs:
            raise BundleRequestError(
                problem=f"`{self.kernel.name}` has {len(self.kernel.configs)} configs; choosing one takes a GPU",
                remedy="name the one to build, or let `helion tune` measure them",
            )
        return ChosenConfig(bound.space.default_config(), "config by default")

    @property
    def ranged(self) -> dict[str, RangedTensor]:
        """The arguments with ranges of sizes, by name.

        Raises:
            BundleRequestError: there are some, and sizes are to be fixed.
        """
        names = inspect.signature(self.kernel.fn).parameters
        given = zip(names, self.args, strict=False)
        found = {name: arg for name, arg in given if isinstance(arg, RangedTensor)}
        if found and self.static_shapes:
            raise BundleRequestError(
                problem=f"`{self.op}` has ranges of sizes in {', '.join(found)}, and static_shapes",
                remedy="leave static_shapes out: sizes that are no ranges are fixed as it is",
            )
        return found

    def normalized_args(self) -> tuple[Any, ...]:
        """The arguments, with the kernel's defaults behind them, and examples for ranges."""
        try:
            return self.kernel.normalize_args(*examples_of(self.args))
        except TypeError as error:
            raise BundleRequestError(
                problem=f"the arguments do not fit `{self.kernel.name}{inspect.signature(self.kernel.fn)}`: {error}",
                remedy="give one example argument for each parameter",
            ) from error
