"""Run a variant on CPU tensors: the runtime's own host logic around Triton's interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from helion_compiler.emission import CHANGED, SAME, BufferParameter, DescriptorParameter
from helion_compiler.tracing.arguments import device_of
from helion_runtime.conditions import unmet_conditions
from helion_runtime.entries import TensorSignature, VariantEntry
from helion_runtime.errors import ExpressionError, ReadingError
from helion_runtime.evaluated import CallScalar, Descriptor, Scalar
from helion_runtime.execution import execute, read_ahead
from helion_runtime.expressions import evaluate, item_uses
from helion_runtime.misses import Rejection, explain
from helion_runtime.plan import ArgumentMetadata
from helion_runtime.signature import mismatches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from helion_compiler.emission import EmittedKernel
    from helion_compiler.program.program import Program
    from helion_runtime.entries import Expression
    from helion_runtime.evaluated import EvaluatedArgument, EvaluatedLaunch

_TYPED: dict[str, Any] = {"i64": np.int64, "fp64": np.float64}
"""How the interpreter is told that a number is wider than Python's own are taken to be."""

INTERPRETER_SMS = 4
"""Multiprocessors that the interpreter pretends to have: few, so that persistent kernels loop."""


def metadata_of(leaves: Sequence[Any]) -> ArgumentMetadata:
    """The metadata of a call on the CPU."""
    return ArgumentMetadata(tuple(leaves), lambda: INTERPRETER_SMS)


def serves_call(program: Program, leaves: Sequence[Any]) -> bool:
    """Whether a Program was traced for arguments like these."""
    if len(leaves) != len(program.signature):
        return False
    for entry, leaf in zip(program.signature, leaves, strict=True):
        if isinstance(entry, TensorSignature):
            if not isinstance(leaf, torch.Tensor) or leaf.ndim != entry.ndim:
                return False
            if str(leaf.dtype) != f"torch.{entry.dtype}":
                return False
        elif not _fits(entry, leaf):
            return False
    metadata = metadata_of(leaves)
    guards = (*program.guard, *program.assumptions)
    try:
        if not all(evaluate(guard, metadata) for guard in guards if not item_uses(guard)):
            return False
        if any(map(item_uses, guards)):
            read_ahead(_host_part(program, guards), metadata, device_of(leaves))
    except (ExpressionError, ReadingError):
        return False
    return True


def _host_part(program: Program, guards: tuple[Expression, ...]) -> VariantEntry:
    """What a Program's host code does, with nothing to launch."""
    return VariantEntry(
        signature=program.signature,
        guard=guards,
        aligned=(),
        steps=program.steps,
        launches=(),
        outputs=("none",),
    )


def _fits(entry: Any, leaf: Any) -> bool:
    kinds = {"int": int, "float": float, "bool": bool, "str": str, "none": type(None)}
    if type(leaf) is not kinds[entry.kind]:
        return False
    return not entry.constant or repr(leaf) == repr(entry.value)


def run_interpreted(
    variant: VariantEntry,
    emitted: EmittedKernel,
    divisors: Sequence[int],
    function: Any,
    names: Sequence[str],
    leaves: Sequence[Any],
) -> Any:
    """Run one variant; ``function`` is its Triton function, ``divisors`` are what a binary would take its parameters
    for multiples of, ``names`` those of the leaves.

    Returns what the kernel returns.

    Raises:
        AssertionError: a parameter is not what it is taken for.
        helion_runtime.NoVariantError: the variant was not compiled for such leaves.
    """
    from helion_compiler.interpreting import interpret  # loads triton

    _refuse_other_calls(variant, emitted.name, names, leaves)

    def launch(
        evaluated: EvaluatedLaunch,
        buffers: Mapping[int, torch.Tensor],
        metadata: ArgumentMetadata,
    ) -> None:
        if evaluated.programs:
            arguments = [
                _argument(parameter, argument, buffers, metadata)
                for parameter, argument in zip(emitted.parameters, evaluated.arguments, strict=True)
            ]
            _check_multiples(emitted, divisors, arguments)
            # Programs run one after another here: one that waits for others would wait for ever.
            interpret(
                function,
                (1, 1, 1) if emitted.waits else evaluated.grid,
                arguments,
                checked=not emitted.follows_addresses,
                assembly={CHANGED: _changed, SAME: _same},
            )

    return execute(variant, metadata_of(leaves), torch.device("cpu"), launch)


def _changed(value: NDArray[Any], bits: NDArray[Any]) -> NDArray[Any]:
    """A value of two bytes with some bits changed."""
    return value.view(np.uint16) ^ bits.astype(np.uint16)


def _same(value: NDArray[Any]) -> NDArray[Any]:
    """A value as it is."""
    return value


def _refuse_other_calls(
    variant: VariantEntry, name: str, names: Sequence[str], leaves: Sequence[Any]
) -> None:
    """What the dispatcher does on a GPU: a kernel is never run on shapes that it was not compiled for."""
    reasons = tuple(mismatches(variant, names, leaves))
    reasons = reasons or unmet_conditions(variant, names, metadata_of(leaves))
    if reasons:
        raise explain(name, names, leaves, [Rejection(variant, reasons)])


def _check_multiples(
    emitted: EmittedKernel, divisors: Sequence[int], arguments: Sequence[Any]
) -> None:
    """Interpreted, nothing relies on them; a binary would read and write several elements at once."""
    for parameter, divisor, argument in zip(emitted.parameters, divisors, arguments, strict=True):
        if divisor > 1:
            number = argument.data_ptr() if isinstance(argument, torch.Tensor) else argument
            assert number % divisor == 0, (
                f"{parameter.name} counts as a multiple of {divisor}, and is {number}"
            )


def _argument(
    parameter: Any,
    argument: EvaluatedArgument,
    buffers: Mapping[int, torch.Tensor],
    metadata: ArgumentMetadata,
) -> Any:
    if isinstance(parameter, BufferParameter):
        return buffers[parameter.buffer.number]
    if isinstance(parameter, DescriptorParameter):
        from triton.tools.tensor_descriptor import TensorDescriptor  # loads triton

        assert isinstance(argument, Descriptor), "descriptors are evaluated as such"
        # Not the tensor's own strides: that of a dimension of one index may be anything.
        return TensorDescriptor(
            buffers[parameter.buffer.number],
            list(argument.shape),
            list(argument.strides),
            list(parameter.block),
        )
    assert isinstance(argument, Scalar | CallScalar), "nothing else is left"
    number = (
        evaluate(argument.number.expression, metadata)
        if isinstance(argument, CallScalar)
        else argument.value
    )
    return _TYPED.get(argument.type, lambda value: value)(number)
