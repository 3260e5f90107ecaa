"""The oracle: what a kernel's result should be, from its own Python in reference mode and higher precision.

Where that takes too long, it is what the config gives that runs untuned, and the user is told so.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import reference
from helion.containers import parts_of
from helion.reference import ReferenceResult
from helion_compiler.building import target_of_device
from helion_compiler.program.ops import Dot, Load
from helion_compiler.tracing.arguments import device_of
from helion_compiler.tuning.comparing import Expectation, Mismatch, Tolerance, same_random_numbers
from helion_compiler.tuning.roundings import coarsest_roundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from helion import Config, Settings
    from helion.containers import Parts
    from helion_compiler.program.program import Program
    from helion_compiler.specialized_kernel import SpecializedKernel


def multiplies_in_tf32(program: Program, settings: Settings) -> bool:
    """Whether some product of a Program rounds its operands to tf32."""
    return settings.dot_precision == "tf32" and any(
        isinstance(op, Dot) and torch.float32 in (op.lhs.type.dtype, op.rhs.type.dtype)
        for op in program.walk()
    )


@attrs.frozen
class Inexactness:
    """What makes results of a Program less exact than their dtypes: products in tf32, and roundings on the way."""

    tf32: bool = False
    rounded: Mapping[torch.dtype, torch.dtype] = attrs.field(factory=dict)


def inexactness_of(program: Program, settings: Settings) -> Inexactness:
    """That of a Program."""
    return Inexactness(multiplies_in_tf32(program, settings), coarsest_roundings(program))


class Oracle:
    """The expected outputs and mutated arguments of one call.

    ``inexact`` is what is known of the roundings of its Program.
    """

    def __init__(
        self, expected: ReferenceResult, settings: Settings, inexact: Inexactness | None = None
    ) -> None:
        self._expected = expected
        known = inexact or Inexactness()
        self._tolerance = Tolerance(
            settings.autotune_baseline_rtol,
            settings.autotune_baseline_atol,
            known.tf32,
            known.rounded,
        )

    @classmethod
    def by_reference(
        cls,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        settings: Settings,
        *,
        inexact: Inexactness | None = None,
        draws: bool = False,
        seconds: float | None = None,
    ) -> Oracle:
        """What the kernel's own Python gives in float64, on copies.

        With ``draws``, host code draws random numbers, which higher precision would change: it runs in its own.

        Raises:
            helion.exc.ReferenceTimeout: it takes longer than ``seconds``.
        """
        with same_random_numbers():
            expected = (
                reference.run(function, copy.deepcopy(args), seconds=seconds)
                if draws
                else reference.run(function, args, precision="high", seconds=seconds)
            )
        return cls(expected, settings, inexact)

    @classmethod
    def by_config(cls, kernel: SpecializedKernel, config: Config, args: tuple[Any, ...]) -> Oracle:
        """What a config gives, on copies of the arguments, which have to be on a GPU."""
        args = copy.deepcopy(args)
        leaves = kernel.call.leaves_of(args)
        built = kernel.build(config, target_of_device(device_of(leaves)))
        with same_random_numbers():
            outputs = kernel.dispatcher_for(built)(*leaves)
        numbered = kernel.arguments(tuple(range(len(leaves))))
        written = written_leaves(kernel)
        mutated = {
            position: argument
            for position, argument in enumerate(args)
            if any(number in written for _, number in named_leaves("", numbered[position]))
        }
        settings = kernel.definition.settings
        return cls(
            ReferenceResult(outputs, mutated), settings, inexactness_of(kernel.program, settings)
        )

    def check(self, outputs: Any, args: tuple[Any, ...]) -> Mismatch | None:
        """The first difference between what a config gave and what the oracle expects; None if there is none."""
        found = self._compare("the result", outputs, self._expected.outputs)
        for position, expected in self._expected.mutated.items():
            found = found or self._compare(f"argument {position}", args[position], expected)
        return found

    def expectation(self, numbered: tuple[Any, ...]) -> Expectation:
        """The same by leaves, for a process that knows none of the author's classes.

        ``numbered``: the arguments with numbers in the place of their leaves.
        """
        mutated = {
            number: (where, expected)
            for position, value in self._expected.mutated.items()
            for (where, expected), (_, number) in zip(
                named_leaves(f"argument {position}", value),
                named_leaves("", numbered[position]),
                strict=True,
            )
            if isinstance(expected, torch.Tensor)
        }
        outputs = tuple(named_leaves("the result", self._expected.outputs))
        return Expectation(outputs, mutated, self._tolerance)

    @property
    def outputs(self) -> Any:
        """What is expected to be returned."""
        return self._expected.outputs

    def _compare(self, where: str, actual: Any, expected: Any) -> Mismatch | None:
        parts = None if isinstance(expected, torch.Tensor) else parts_of(expected)
        if parts is not None:
            return self._compare_parts(where, actual, parts)
        return self._tolerance.difference(where, actual, expected)

    def _compare_parts(self, where: str, actual: Any, expected: Parts) -> Mismatch | None:
        found = parts_of(actual)
        if found is None or (found.type, found.labels) != (expected.type, expected.labels):
            return Mismatch(where, f"expected a {expected.type.__name__}, got {actual!r:.80}")
        items = zip(expected.names(where), found.items, expected.items, strict=True)
        differences = (self._compare(*item) for item in items)
        return next((one for one in differences if one is not None), None)


def named_leaves(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What containers hold in the end, each with its name."""
    parts = None if isinstance(value, torch.Tensor) else parts_of(value)
    if parts is None:
        yield where, value
        return
    for name, item in zip(parts.names(where), parts.items, strict=True):
        yield from named_leaves(name, item)


def written_leaves(kernel: SpecializedKernel) -> frozenset[int]:
    """The leaves of the arguments that the kernel writes into, in tile loops or around them."""
    program = kernel.program
    stored = {program.owner(op.buffer) for op in program.accesses() if not isinstance(op, Load)}
    return program.host_writes | stored
