"""A kernel specialised for one set of arguments: its Program, its config space, and what was compiled of it.

Nothing here decides which config runs; that is :mod:`helion_compiler.bound_kernel`, with the tuner in between.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import attrs

from helion import exc
from helion_autotune.constraints import Constraint
from helion_compiler.building import (
    build_binary,
    load_kernel,
    make_variant,
    recipe_of,
    request_of,
)
from helion_compiler.building.dependent_launch import check_dependent_launch
from helion_compiler.building.specialization import specialize
from helion_compiler.building.variant import aligned_leaves
from helion_compiler.internal_errors import reported
from helion_compiler.interpreted import run_interpreted
from helion_compiler.logs import observer
from helion_compiler.pipeline import make_program, make_source
from helion_compiler.program.foreign_ops import Breakpoint
from helion_compiler.reproducer import reproducer
from helion_compiler.space import derive_space
from helion_compiler.space.target_traits import TargetTraits
from helion_compiler.space.tunables import chosen_tunables
from helion_compiler.space.warp_specialization import without_roles
from helion_runtime import Dispatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion import Config
    from helion.backends import KernelDefinition
    from helion_autotune import Point
    from helion_compiler.building import Target
    from helion_compiler.emission import EmittedKernel
    from helion_compiler.program.program import Program
    from helion_compiler.scheduling import Schedule
    from helion_compiler.space import ConfigSpace
    from helion_compiler.staging import StagedFunction
    from helion_compiler.tracing.arguments import Call
    from helion_runtime import KernelImage
    from helion_runtime.entries import VariantEntry
    from helion_runtime.recompiling.recipe import Recipe


@attrs.frozen(eq=False)
class Lowered:
    """One config's source, not yet compiled."""

    config: Config
    program: Program
    schedule: Schedule
    emitted: EmittedKernel


@attrs.frozen(eq=False)
class Built:
    """One config's variant and binary for one target, and how its source was compiled."""

    variant: VariantEntry
    image: KernelImage
    recipe: Recipe


class SpecializedKernel:
    """One specialization. Traced when it is made; every method may be called from any thread.

    Attributes:
        definition: what the decorator was told.
        call: the call it was made for, of tensors without memory; of its own where it may be traced for it again.
        traits: of the GPUs that its configs are for.
        aligned: the leaves whose addresses are multiples of 16.
        program: what it computes.
        space: the configs it has.
    """

    def __init__(
        self,
        definition: KernelDefinition,
        staged: StagedFunction,
        call: Call,
        traits: TargetTraits | None = None,
    ) -> None:
        self.definition = definition
        self.traits = TargetTraits() if traits is None else traits
        self.call = call
        self.aligned = aligned_leaves(call.leaves)
        settings = definition.settings
        self._observe = observer(settings.logs)
        with reported(call, settings, "trace the kernel", runs_author=True):
            self.program: Program = make_program(staged, call, settings, self._observe)
            self.space: ConfigSpace = self._with_tunables(self._space(self.program))
        if not self.program.tunables:
            self.call = call.without_memory()
        self._staged = staged
        self._programs: dict[tuple[Any, ...], tuple[Program, ConfigSpace]] = {}
        self._lock = threading.RLock()
        self._lowered: dict[Config, Lowered] = {}
        self._built: dict[tuple[Config, Target], Built] = {}
        self._functions: dict[Config, Any] = {}

    def point(self, config: Config) -> Point:
        """The point of a config in the space of the program that its tunables make.

        Raises:
            helion.exc.InvalidConfig: the config does not fit this kernel.
            helion.exc.BarrierRequiresPersistent: it does not let all programs of a barrier run at once.
        """
        with self._lock:
            program, space = self._at(config)
        _check_barrier(program, config)
        return space.point(config)

    def lower(self, config: Config) -> Lowered:
        """The source of a config.

        Raises:
            helion.exc.InvalidConfig: the config does not fit this kernel.
        """
        with self._lock:
            lowered = self._lowered.get(config)
            if lowered is None:
                program, _ = self._at(config)
                point = self.point(config)
                settings = self.definition.settings
                if settings.programmatic_dependent_launch:
                    check_dependent_launch(program, self.traits)
                with reported(self.call, settings, "generate source", config):
                    schedule, emitted = make_source(
                        program, point, settings, self.traits, self._observe
                    )
                lowered = self._lowered[config] = Lowered(config, program, schedule, emitted)
                if settings.print_output_code:
                    print(emitted.source, file=sys.stderr)
                if settings.print_repro:
                    print(reproducer(self.call, settings, config), file=sys.stderr)
            return lowered

    def _space(self, program: Program) -> ConfigSpace:
        precision = self.definition.settings.dot_precision
        return derive_space(program, self.aligned, self.traits, precision)

    def _with_tunables(self, space: ConfigSpace) -> ConfigSpace:
        """A space without the points that the program of other tunables does not have."""
        if not self.program.tunables:
            return space
        fits = Constraint(
            "tunables",
            "the program that these tunables make has not all of these choices",
            self._fits_tunables,
        )
        return attrs.evolve(space, demands=(*space.demands, fits))

    def _fits_tunables(self, point: Mapping[str, Any]) -> bool:
        config = self.space.config(point)
        try:
            with self._lock:
                _, space = self._at(config)
            if space is not self.space:
                space.point(config)
        except exc.HelionError:
            return False
        return True

    def _at(self, config: Config) -> tuple[Program, ConfigSpace]:
        """The program with the tunables of a config, and its space: traced anew for each choice of them."""
        chosen = chosen_tunables(self.program.tunables, config)
        if all(
            fragment.default() == chosen[name] for name, fragment in self.program.tunables.items()
        ):
            return self.program, self.space
        key = tuple(chosen.items())
        if key not in self._programs:
            settings = self.definition.settings
            with reported(self.call, settings, "trace the kernel", config):
                program = make_program(self._staged, self.call, settings, self._observe, chosen)
                self._programs[key] = program, self._space(program)
        return self._programs[key]

    def build(
        self,
        config: Config,
        target: Target,
        compiler: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> Built:
        """The variant and binary of a config. Several threads may compile at once.

        ``compiler`` is passed on to :func:`helion_compiler.building.build_binary`.
        """
        found = self._built.get((config, target))
        if found is not None:
            return found
        lowered = self.lower(config)
        _refuse_breakpoints(lowered.program)
        settings = self.definition.settings
        with reported(self.call, settings, "compile for a GPU", config):
            specialization = specialize(lowered.program, lowered.emitted, self.aligned)
            recipe = recipe_of(lowered.emitted, lowered.schedule, specialization, target)
            image = build_binary(
                lowered.emitted,
                lowered.schedule,
                recipe,
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
                reserved_sms=settings.persistent_reserved_sms,
            )
        if self._observe is not None:
            self._observe(
                "build", f"{image.entry.name} for {target.name}: {len(image.binary)} bytes"
            )
        built = self._built[config, target] = Built(variant, image, recipe)
        return built

    def request(self, config: Config, target: Target) -> dict[str, Any]:
        """What :meth:`build` asks its compiler for, and all that a binary depends on beside the versions of tools."""
        lowered = self.lower(config)
        facts = specialize(lowered.program, lowered.emitted, self.aligned)
        recipe = recipe_of(lowered.emitted, lowered.schedule, facts, target)
        return request_of(lowered.emitted, recipe, target)

    def lower_interpreted(self, config: Config) -> Lowered:
        """What Triton's interpreter runs of a config: it does not tell warps apart, so that they have no roles."""
        return self.lower(without_roles(config))

    def run_interpreted(self, leaves: Sequence[Any], config: Config) -> Any:
        """Run a config in Triton's interpreter on CPU leaves."""
        with self._lock:
            lowered = self.lower_interpreted(config)
            function = self._functions.get(config)
            if function is None:
                function = self._functions[config] = load_kernel(lowered.emitted)
        facts = specialize(lowered.program, lowered.emitted, self.aligned)
        variant = make_variant(
            lowered.schedule, lowered.emitted, facts, "interpreted", self.aligned
        )
        return run_interpreted(
            variant, lowered.emitted, facts.divisors, function, self.call.names, leaves
        )

    def arguments(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """The kernel's own arguments for these leaves."""
        arguments, _, _ = self.call.join(leaves)
        return arguments

    def dispatcher_for(self, built: Built) -> Dispatcher:
        """A dispatcher that knows one variant alone."""
        dispatcher = Dispatcher(self.definition.name, self.call.names)
        dispatcher.add(built.variant, {built.image.entry.name: built.image})
        return dispatcher


def _check_barrier(program: Program, config: Config) -> None:
    """Barriers need programs that all run at once."""
    wanted = dict(config).get("pid_type")
    if program.barrier is not None and wanted in ("flat", "xyz"):
        after = next(grid for grid in program.grids if grid.after_barrier)
        raise exc.BarrierRequiresPersistent(
            span=None if after.location is None else after.location.span, pid_type=wanted
        )


def _refuse_breakpoints(program: Program) -> None:
    """No binary stops in a debugger."""
    for op in program.walk():
        if isinstance(op, Breakpoint):
            span = None if op.location is None else op.location.span
            raise exc.BreakpointInDeviceLoopRequiresInterpret(span=span)
