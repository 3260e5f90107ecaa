"""The operators of torch's that stand for one kernel: found by what a call takes and returns, and defined when first
needed."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.torch_operators.host_parts import HostParts
from helion_compiler.torch_operators.parameters import OperatorParameters, operator_parameters
from helion_runtime.errors import RegistrationError
from helion_runtime.operator_results import OperatorResults
from helion_runtime.signature import is_wrapped
from helion_runtime.torch_op import (
    NAMESPACE,
    TorchOp,
    define,
    free_name,
    imagine_call,
    split_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from helion.backends import KernelDefinition
    from helion_compiler.staging import StagedFunction
    from helion_compiler.tracing.arguments import Call


MAX_SIGNATURES = 1024
"""Signatures whose operator is remembered; beyond it the oldest is forgotten."""


@attrs.frozen(eq=False)
class _Operator:
    """An operator, and how a call of the kernel becomes one of it."""

    parameters: OperatorParameters
    op: TorchOp

    def call(self, args: tuple[Any, ...], call: Call) -> Any:
        passed = self.parameters.pack(args, call.leaves)
        return self.op.results.given(self.op.operator(*passed), call.leaves)


class KernelOperators:
    """The operators of one kernel. Safe to use from several threads.

    ``split`` takes arguments of the kernel apart. ``run(args, captured)`` runs the kernel, with other tensors for the
    captured ones, by leaf.
    """

    def __init__(
        self,
        definition: KernelDefinition,
        split: Callable[[tuple[Any, ...]], Call],
        stage: Callable[[], StagedFunction],
        run: Callable[[tuple[Any, ...], Mapping[int, Any]], Any],
    ) -> None:
        self._definition = definition
        self._split = split
        self._run = run
        self._parts = HostParts(definition, stage)
        self._lock = threading.RLock()
        self._found: dict[Hashable, _Operator] = {}
        self._recent: dict[Hashable, _Operator] = {}

    def call(self, args: tuple[Any, ...]) -> Any:
        """Call the operator for these arguments, and return what the kernel returns.

        Raises:
            helion.exc.HelionError: the kernel cannot be traced for them.
            RegistrationError: it cannot be an operator.
        """
        call = self._split(args)
        key = _signature(call)
        if key is None:
            return self._operator(call, None).call(args, call)
        found = self._recent.get(key)
        if found is None:
            found = self._operator(call, None)
            with self._lock:
                while len(self._recent) >= MAX_SIGNATURES:
                    del self._recent[next(iter(self._recent))]
                self._recent[key] = found
        return found.call(args, call)

    def operator(self, args: tuple[Any, ...], name: str | None) -> Any:
        """The operator for these arguments, called ``name`` from now on if one is given."""
        return self._operator(self._split(args), name).op.operator

    def _operator(self, call: Call, name: str | None) -> _Operator:
        variant = self._parts.find(call)
        parameters = operator_parameters(call, variant)
        self._refuse_hidden_tensors(call, parameters)
        results = OperatorResults([variant], f"kernel {self._definition.name!r}")
        key = (parameters.schema, parameters.fixed, results.form)
        with self._lock:
            known = self._found.get(key)
            if known is None or (name is not None and name != _name(known)):
                known = self._found[key] = _Operator(
                    parameters, self._defined(parameters, results, name)
                )
                self._recent.clear()
            return known

    def _defined(
        self, parameters: OperatorParameters, results: OperatorResults, name: str | None
    ) -> TorchOp:
        def imagined(*values: Any) -> Any:
            call = self._call_of(values, parameters)
            return imagine_call(self._parts.find(call), call.leaves)

        def carried_out(*values: Any) -> Any:
            return self._run(*parameters.unpack(values))

        namespace, own = self._named(name)
        made = define(namespace, own, parameters.schema, results, carried_out, imagined)
        gradient = self._definition.gradient
        if gradient is not None:
            made.record_gradients(gradient.backward, gradient.setup_context)
        return made

    def _call_of(self, values: tuple[Any, ...], parameters: OperatorParameters) -> Call:
        args, captured = parameters.unpack(values)
        return with_captured(self._split(args), captured)

    def _named(self, name: str | None) -> tuple[str, str]:
        """The namespace and the name of an operator."""
        if name is not None:
            return split_name(name, f"kernel {self._definition.name!r}")
        plain = re.sub(r"\W", "_", self._definition.name).strip("_") or "kernel"
        return NAMESPACE, free_name(NAMESPACE, plain)

    def _refuse_hidden_tensors(self, call: Call, parameters: OperatorParameters) -> None:
        """Tensors that the kernel captures are seen by tracers of tensors, and not by those that put fakes in their
        place."""
        if not any(map(is_wrapped, call.leaves)):
            return
        for number in sorted(parameters.captured):
            leaf = call.leaves[number]
            if isinstance(leaf, torch.Tensor) and not is_wrapped(leaf):
                raise RegistrationError(
                    f"kernel {self._definition.name!r} captures a tensor ({call.names[number]}), which the tracer at "
                    "hand has not seen; pass it as an argument"
                )


def with_captured(call: Call, captured: Mapping[int, Any]) -> Call:
    """``call`` with other values for some of its leaves."""
    if not captured:
        return call
    leaves = tuple(captured.get(number, leaf) for number, leaf in enumerate(call.leaves))
    return attrs.evolve(call, leaves=leaves)


def _signature(call: Call) -> Hashable:
    """What decides which operator a call becomes; None where sizes may be symbols, which nothing remembers."""
    leaves: list[Hashable] = []
    for leaf in call.leaves:
        if not isinstance(leaf, torch.Tensor):
            if isinstance(leaf, torch.SymInt | torch.SymFloat | torch.SymBool):
                return None
            leaves.append((type(leaf), repr(leaf)))
        elif is_wrapped(leaf):
            return None
        else:
            leaves.append((leaf.dtype, leaf.shape, leaf.stride(), leaf.device))
    return call.static, tuple(leaves)


def _name(operator: _Operator) -> str:
    name: str = operator.op.operator._schema.name
    return name
