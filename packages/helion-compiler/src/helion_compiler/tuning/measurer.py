"""Checks and times compiled configs of one kernel: in a worker, or in the author's process, by the same code.

In: arguments and what is expected of them, once; then jobs, which are binaries with a variant around each. Out:
Measurements. Imports the runtime, not the compiler: a worker is ready when torch is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_autotune import Measurement, WrongResult, measure_milliseconds
from helion_compiler.tuning.comparing import Expectation, same_random_numbers
from helion_runtime import Dispatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_autotune.isolation.tensors import Packed, Unpacked
    from helion_runtime import KernelImage
    from helion_runtime.entries import VariantEntry

    Timer = Callable[..., Measurement]


@attrs.frozen(eq=False)
class KernelJob:
    """A compiled config. ``checked`` is its variant with poisoned allocations and lists for containers."""

    image: KernelImage
    variant: VariantEntry
    checked: VariantEntry


@attrs.frozen(eq=False)
class KernelFacts:
    """What the jobs of a session have in common. ``written``: the leaves that the kernel writes into."""

    op: str
    names: tuple[str, ...]
    written: frozenset[int]
    expectation: Expectation | None


class KernelMeasurer:
    """Implements :class:`helion_autotune.Measurer`.

    Arguments that the kernel writes are copied before each check, so that every candidate sees the same inputs.
    """

    def __init__(
        self, facts: KernelFacts, leaves: Sequence[Any], timer: Timer = measure_milliseconds
    ) -> None:
        self._facts = facts
        self._leaves = tuple(leaves)
        self._timer = timer

    def measure(self, job: KernelJob, incumbent_ms: float | None) -> Measurement:
        """Check a candidate against the oracle on poisoned outputs, then time it."""
        if self._facts.expectation is not None:
            self._check(job, self._facts.expectation)
        leaves = self._fresh_leaves()
        prepared = self._dispatcher(job, job.variant).prepare(leaves)
        return self._timer(lambda: prepared(*leaves), give_up_over_ms=incumbent_ms)

    def _check(self, job: KernelJob, expectation: Expectation) -> None:
        leaves = self._fresh_leaves()
        with same_random_numbers():
            outputs = self._dispatcher(job, job.checked)(*leaves)
        mismatch = expectation.mismatch(tuple(_flat(outputs)), leaves)
        if mismatch is not None:
            raise WrongResult(str(mismatch))

    def _dispatcher(self, job: KernelJob, variant: VariantEntry) -> Dispatcher:
        """A dispatcher that knows one variant alone."""
        dispatcher = Dispatcher(self._facts.op, self._facts.names)
        dispatcher.add(variant, {job.image.entry.name: job.image})
        return dispatcher

    def _fresh_leaves(self) -> tuple[Any, ...]:
        return tuple(
            _copy(leaf) if position in self._facts.written else leaf
            for position, leaf in enumerate(self._leaves)
        )


class IsolatedKernelMeasurer(KernelMeasurer):
    """The same on copies that belong to a worker, and that it watches: a candidate may have written over them."""

    def __init__(self, facts: KernelFacts, leaves: Sequence[Any], memory: Unpacked) -> None:
        super().__init__(facts, leaves)
        self._memory = memory
        self._checksum = memory.checksum()

    def recover(self) -> None:
        """Free what a failed candidate held; raises where the context is lost or the copies are not what they were."""
        if any(buffer.is_cuda for buffer in self._memory.buffers):
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
        if self._memory.checksum() != self._checksum:
            raise RuntimeError(
                "a candidate wrote outside of its outputs, over arguments or expected results"
            )


@attrs.frozen(eq=False)
class Payload:
    """What a worker is made of: the arguments' leaves, and behind them what is expected."""

    facts: KernelFacts
    leaves: int
    packed: Packed | Unpacked


def make(payload: Payload) -> IsolatedKernelMeasurer:
    """The measurer of a worker; what was packed has come out as tensors of this process."""
    memory: Any = payload.packed
    values = memory.values
    leaves, expected = values[: payload.leaves], values[payload.leaves :]
    device = next(leaf.device for leaf in leaves if isinstance(leaf, torch.Tensor))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    facts = payload.facts
    if facts.expectation is not None:
        facts = attrs.evolve(facts, expectation=facts.expectation.with_values(expected))
    return IsolatedKernelMeasurer(facts, leaves, memory)


def _flat(outputs: Any) -> list[Any]:
    """The leaves of nested lists, in order."""
    if isinstance(outputs, list):
        return [leaf for item in outputs for leaf in _flat(item)]
    return [outputs]


def _copy(leaf: torch.Tensor) -> torch.Tensor:
    """A copy with the same strides."""
    copy = torch.empty_strided(leaf.shape, leaf.stride(), dtype=leaf.dtype, device=leaf.device)
    return copy.copy_(leaf)
