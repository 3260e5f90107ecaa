"""A specialization as something to tune: compile a point in any thread, check and time it on the GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import Config
from helion_autotune import WrongResult, measure_milliseconds
from helion_compiler.building import target_of_device
from helion_compiler.building.poison import poison
from helion_compiler.program.ops import Load
from helion_compiler.tracing.arguments import device_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_autotune import Measurement, Point
    from helion_compiler.specialized_kernel import Built, SpecializedKernel
    from helion_compiler.tuning.oracle import Oracle


@attrs.frozen(eq=False)
class Candidate:
    """A compiled config."""

    config: Config
    built: Built


class KernelWorkload:
    """Implements ``helion_autotune.Workload`` for one specialization and one set of arguments.

    Arguments that the kernel writes are copied before each check, so that every candidate sees the same
    inputs. With ``listed``, points hold a config as JSON under ``"config"``, not values of the config space.
    """

    def __init__(
        self,
        kernel: SpecializedKernel,
        leaves: Sequence[Any],
        oracle: Oracle | None,
        *,
        listed: bool = False,
        compiler: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> None:
        self._kernel = kernel
        self._leaves = tuple(leaves)
        self._oracle = oracle
        self._listed = listed
        self._compiler = compiler
        device = device_of(leaves)
        self._target = target_of_device(device)
        self._written = _written_arguments(kernel)

    def compile(self, point: Point) -> Candidate:
        """Build the binary of a point."""
        config = (
            Config.from_json(str(point["config"]))
            if self._listed
            else self._kernel.space.config(point)
        )
        return Candidate(config, self._kernel.build(config, self._target, self._compiler))

    def measure(self, candidate: Candidate, incumbent_ms: float | None) -> Measurement:
        """Check a candidate against the oracle on poisoned outputs, then time it."""
        if self._oracle is not None:
            self._check(candidate)
        leaves = self._fresh_leaves()
        prepared = self._kernel.dispatcher_for(candidate.built).prepare(leaves)
        return measure_milliseconds(lambda: prepared(*leaves), give_up_over_ms=incumbent_ms)

    def _check(self, candidate: Candidate) -> None:
        assert self._oracle is not None
        leaves = self._fresh_leaves()
        built = attrs.evolve(candidate.built, variant=poison(candidate.built.variant))
        with self._oracle.random_numbers():
            outputs = self._kernel.dispatcher_for(built)(*leaves)
        mismatch = self._oracle.check(outputs, self._kernel.arguments(leaves))
        if mismatch is not None:
            raise WrongResult(str(mismatch))

    def _fresh_leaves(self) -> tuple[Any, ...]:
        return tuple(
            _copy(leaf) if position in self._written else leaf
            for position, leaf in enumerate(self._leaves)
        )


def _written_arguments(kernel: SpecializedKernel) -> frozenset[int]:
    """The arguments that the kernel writes into, in tile loops or around them."""
    program = kernel.program
    stored = {program.owner(op.buffer) for op in program.accesses() if not isinstance(op, Load)}
    return program.host_writes | stored


def _copy(leaf: torch.Tensor) -> torch.Tensor:
    """A copy with the same strides."""
    copy = torch.empty_strided(leaf.shape, leaf.stride(), dtype=leaf.dtype, device=leaf.device)
    return copy.copy_(leaf)
