"""What to build: a kernel, example arguments, and the choices made for them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import attrs

from helion import Config, Kernel
from helion.backends import KernelDefinition
from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.bundling.example_arguments import on_fake_gpu
from helion_compiler.compiled_kernel import CompiledKernel
from helion_compiler.space.target_traits import TargetTraits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from helion_compiler.building import Target
    from helion_compiler.specialized_kernel import SpecializedKernel


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
            captures become further arguments of the op.
        config: None takes the kernel's own config, or else the default of its config space.
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
        function: Any = self.kernel.fn
        settings = attrs.evolve(self.kernel.settings, ref_mode=False, bundle=None)
        if self.static_shapes is not None:
            settings = attrs.evolve(settings, static_shapes=self.static_shapes)
        definition = KernelDefinition(
            function=function,
            name=self.kernel.name,
            signature=inspect.signature(function),
            configs=self.kernel.configs,
            settings=settings,
        )
        compiled = CompiledKernel(definition, TargetTraits() if target is None else target.traits)
        return compiled.bind(on_fake_gpu(function, self._normalized())).specialized

    def choose_config(self, bound: SpecializedKernel) -> Config:
        """The config to build.

        Raises:
            BundleRequestError: the kernel has several, which would have to be measured.
        """
        if self.config is not None:
            return self.config
        configs = self.kernel.configs
        if len(configs) > 1:
            raise BundleRequestError(
                problem=f"`{self.kernel.name}` has {len(configs)} configs; choosing one takes a GPU",
                remedy="name the one to build",
            )
        return configs[0] if configs else bound.space.default_config()

    def _normalized(self) -> tuple[Any, ...]:
        try:
            return self.kernel.normalize_args(*self.args)
        except TypeError as error:
            raise BundleRequestError(
                problem=f"the arguments do not fit `{self.kernel.name}{inspect.signature(self.kernel.fn)}`: {error}",
                remedy="give one example argument for each parameter",
            ) from error
