"""The kernels that a case runs, with arguments, what they are specialized for, and what reference mode makes of it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import attrs

from helion import exc, reference
from helion_compiler.compiled_kernel import CompiledKernel
from helion_compiler.tuning.comparing import same_random_numbers

if TYPE_CHECKING:
    from gallery.calls import KernelCall
    from helion_compiler.building.targets import Target
    from helion_compiler.specialized_kernel import SpecializedKernel


@attrs.frozen(eq=False)
class Prepared:
    """One kernel of a case, with arguments.

    Attributes:
        call: the kernel and the arguments.
        bound: its specialization for the device of the arguments.
        expected: what reference mode makes of the arguments; None where nothing is run.
    """

    call: KernelCall
    bound: SpecializedKernel
    expected: reference.ReferenceResult | None
    _elsewhere: dict[str, SpecializedKernel] = attrs.field(factory=dict, init=False)

    def bound_for(self, target: Target) -> SpecializedKernel:
        """The same specialization with the configs that another target has."""
        if target.traits == self.bound.traits:
            return self.bound
        if target.name not in self._elsewhere:
            compiled = CompiledKernel(self.bound.definition, target.traits)
            self._elsewhere[target.name] = compiled.bind(self.call.arguments).specialized
        return self._elsewhere[target.name]


def prepare(call: KernelCall, *, runs: bool) -> Prepared:
    """The kernel of a call. With ``runs``, reference mode runs it."""
    bound: Any = call.kernel.bind(call.arguments)
    specialized: SpecializedKernel = bound._implementation.specialized
    return Prepared(call, specialized, _reference(call, specialized) if runs else None)


def _reference(call: KernelCall, bound: SpecializedKernel) -> reference.ReferenceResult:
    """In higher precision, but where that would draw other random numbers; a kernel with Triton source in it has no
    reference but its own default config.
    """
    with same_random_numbers():
        if bound.program.host_draws:
            return reference.run(call.kernel.fn, copy.deepcopy(call.arguments))
        try:
            return reference.run(call.kernel.fn, call.arguments, precision="high")
        except exc.NotInReferenceMode:
            arguments = copy.deepcopy(call.arguments)
            return reference.ReferenceResult(call.kernel(*arguments), {})
