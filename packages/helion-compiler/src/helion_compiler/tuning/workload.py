"""A specialization as something to tune: compile a point in any thread, check and time it on the GPU."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import Config, exc
from helion_autotune import Blueprint, Call, NotPortableError, WrongResult
from helion_compiler.building import target_of_device
from helion_compiler.building.compile_pool import CompileFailed
from helion_compiler.building.poison import poison
from helion_compiler.tracing.arguments import device_of
from helion_compiler.tuning import measurer
from helion_compiler.tuning.measurer import KernelFacts, KernelJob, KernelMeasurer, Payload
from helion_compiler.tuning.oracle import written_leaves
from helion_compiler.tuning.outputs import containers_of_tree, containers_of_value, in_lists
from helion_runtime.recompiling.worker import reason
from helion_runtime.record import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_autotune import Measurement, Point
    from helion_compiler.specialized_kernel import Built, SpecializedKernel
    from helion_compiler.tuning.oracle import Oracle


#: What workers call.
MAKER = f"{measurer.__name__}:{measurer.make.__name__}"
OPENER = "helion_autotune.measuring:open_device"


@attrs.frozen(eq=False)
class Candidate:
    """A compiled config."""

    config: Config
    built: Built


class KernelWorkload:
    """Implements ``helion_autotune.IsolableWorkload`` for one specialization and one set of arguments.

    ``oracle`` is asked for when it is first needed, which is while the first candidates compile; None checks nothing.
    With ``listed``, points hold a config as JSON under ``"config"``, not values of the config space.
    """

    def __init__(
        self,
        kernel: SpecializedKernel,
        leaves: Sequence[Any],
        oracle: Callable[[], Oracle] | None,
        *,
        listed: bool = False,
        compiler: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> None:
        self._kernel = kernel
        self._leaves = tuple(leaves)
        self._find_oracle = oracle
        self._listed = listed
        self._compiler = compiler
        self._target = target_of_device(device_of(leaves))

    def compile(self, point: Point) -> Candidate:
        """Build the binary of a point; raises CompileFailed, with Triton's reason alone, where that cannot be done."""
        config = (
            Config.from_json(str(point["config"]))
            if self._listed
            else self._kernel.space.config(point)
        )
        try:
            return Candidate(config, self._kernel.build(config, self._target, self._compiler))
        except exc.TritonError as error:
            # Failures are counted by what their first line says; the place is the same for all.
            raise CompileFailed(reason(error.__cause__ or error)) from error

    def measure(self, candidate: Candidate, incumbent_ms: float | None) -> Measurement:
        """Check a candidate against the oracle on poisoned outputs, then time it, in this process."""
        return self._measurer.measure(self.job(candidate), incumbent_ms)

    def blueprint(self) -> Blueprint:
        """Workers measure with copies of the arguments and of what is expected.

        Raises NotPortableError for a kernel that follows addresses, which mean nothing in another process.
        """
        if self._kernel.program.follows_addresses():
            raise NotPortableError(
                f"{self._kernel.definition.name} reads or writes memory by its address, which no other process has "
                "there (autotune_isolation=False says so)"
            )
        device = device_of(self._leaves)
        if device.type != "cuda":
            return Blueprint(MAKER, self._payload)
        opening = Call(OPENER, (device.index, torch.cuda.get_device_name(device)))
        return Blueprint(MAKER, self._payload, (), opening, device.index)

    def job(self, candidate: Candidate) -> KernelJob:
        """The candidate as data; raises WrongResult where it returns other containers than the author's function."""
        variant, image = candidate.built.variant, candidate.built.image
        if self._oracle is not None:
            expected = containers_of_value(self._oracle.outputs)
            found = containers_of_tree(variant.outputs)
            if found != expected:
                raise WrongResult(f"the result: expected containers {expected}, got {found}")
        outputs = in_lists(variant.outputs)
        return KernelJob(
            image,
            replace(variant, outputs=outputs),
            replace(poison(variant), outputs=outputs),
        )

    @cached_property
    def _oracle(self) -> Oracle | None:
        return None if self._find_oracle is None else self._find_oracle()

    @cached_property
    def _facts(self) -> KernelFacts:
        kernel = self._kernel
        numbered = kernel.arguments(tuple(range(len(self._leaves))))
        return KernelFacts(
            kernel.definition.name,
            kernel.call.names,
            written_leaves(kernel),
            None if self._oracle is None else self._oracle.expectation(numbered),
        )

    @cached_property
    def _measurer(self) -> KernelMeasurer:
        return KernelMeasurer(self._facts, self._leaves)

    def _payload(self) -> Payload:
        from helion_autotune.isolation.tensors import Packed  # needs what Linux has

        facts = self._facts
        expected: tuple[Any, ...] = ()
        if facts.expectation is not None:
            expected = facts.expectation.values
            nothing = (None,) * len(expected)
            facts = attrs.evolve(facts, expectation=facts.expectation.with_values(nothing))
        return Payload(facts, len(self._leaves), Packed((*self._leaves, *expected)))
