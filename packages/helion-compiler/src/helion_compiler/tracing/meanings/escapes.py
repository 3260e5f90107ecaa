"""Triton and assembly inside of tile loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.foreign_ops import CallTriton, InlineAssembly, InlineTriton
from helion_compiler.tracing.foreign_source import foreign_function, inline_source
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.meanings.registry import describe, meaning, need_device

if TYPE_CHECKING:
    from helion_compiler.program.types import Value
    from helion_compiler.tracing.state import Trace


@meaning
def inline_triton(trace: Trace, triton_source: str, args: Any, output_like: Any) -> Any:
    """``hl.inline_triton``."""
    need_device(trace, "inline_triton")
    named = isinstance(args, Mapping)
    given = dict(args) if named else {str(i): argument for i, argument in enumerate(args)}
    source, names = inline_source(triton_source, given, needs_value=output_like is not None)
    arguments = {names[key]: _argument(trace, "inline_triton", given[key]) for key in names}
    outputs, values = _outputs(trace, "inline_triton", output_like)
    trace.body.append(
        InlineTriton(results=values, source=source, arguments=arguments, location=location())
    )
    return outputs


@meaning
def triton_kernel(trace: Trace, triton_source_or_fn: Any, args: Any, output_like: Any) -> Any:
    """``hl.triton_kernel``."""
    need_device(trace, "triton_kernel")
    function = foreign_function(triton_source_or_fn)
    named = isinstance(args, Mapping)
    positional = () if named else tuple(args)
    keywords = dict(args) if named else {}
    outputs, values = _outputs(trace, "triton_kernel", output_like)
    trace.body.append(
        CallTriton(
            results=values,
            function=function,
            arguments=tuple(_argument(trace, "triton_kernel", one) for one in positional),
            keywords={key: _argument(trace, "triton_kernel", one) for key, one in keywords.items()},
            location=location(),
        )
    )
    return outputs


@meaning
def inline_asm_elementwise(
    trace: Trace, asm: str, constraints: str, args: Any, dtype: Any, is_pure: bool, pack: int
) -> Any:
    """``hl.inline_asm_elementwise``: on values that are broadcast against each other."""
    need_device(trace, "inline_asm_elementwise")
    dtypes = list(dtype) if isinstance(dtype, list | tuple) else [dtype]
    if not dtypes or not all(isinstance(one, torch.dtype) for one in dtypes):
        raise _wrong("inline_asm_elementwise", "no dtype is given", "give one dtype per result")
    if not isinstance(pack, int) or pack < 1:
        raise _wrong("inline_asm_elementwise", f"pack is {pack!r}", "give a positive integer")
    for argument in args:
        trace.value_of(argument)
    operands = _broadcast(trace, args)
    sizes = trace.sizes_of(operands[0]) if operands else ()
    results = tuple(trace.fake(sizes, one) for one in dtypes)
    trace.body.append(
        InlineAssembly(
            results=tuple(trace.new_value(result, "asm") for result in results),
            assembly=asm,
            constraints=constraints,
            operands=tuple(map(trace.value_of, operands)),
            pure=bool(is_pure),
            pack=pack,
            location=location(),
        )
    )
    return results if isinstance(dtype, list | tuple) else results[0]


def _broadcast(trace: Trace, tensors: Any) -> list[torch.Tensor]:
    try:
        shape = torch.broadcast_shapes(*(tensor.shape for tensor in tensors))  # type: ignore[no-untyped-call]  # torch's own is untyped
    except RuntimeError as error:
        raise exc.ShapeMismatch(
            span=here(),
            operation="hl.inline_asm_elementwise",
            reason=f"{' and '.join(map(trace.describe, tensors))} do not fit",
        ) from error
    return [tensor.expand(shape) for tensor in tensors]


def _outputs(trace: Trace, function: str, like: Any) -> tuple[Any, tuple[Value, ...]]:
    """New tensors of the shapes and dtypes of ``output_like``, and the values that they stand for."""
    if like is None:
        return None, ()
    several = isinstance(like, tuple | list)
    tensors = list(like) if several else [like]
    for tensor in tensors:
        if not isinstance(tensor, torch.Tensor):
            raise _wrong(
                function,
                f"`output_like` holds {describe(tensor)}",
                "give values of the shapes and dtypes of the results",
            )
    made = tuple(trace.fake(trace.sizes_of(tensor), tensor.dtype) for tensor in tensors)
    values = tuple(trace.new_value(tensor, function) for tensor in made)
    return (made if several else made[0]), values


def _argument(trace: Trace, function: str, argument: Any) -> Any:
    """An argument as an op holds it: a value, a number or its expression."""
    if isinstance(argument, torch.Tensor):
        return trace.value_of(argument)
    if isinstance(argument, torch.SymInt):
        return trace.number(argument)
    if isinstance(argument, torch.SymFloat):
        return trace.float_number(argument)
    if isinstance(argument, bool | int | float | str | None):
        return argument
    raise _wrong(
        function, f"an argument is {describe(argument)}", "pass values, numbers and strings"
    )


def _wrong(function: str, problem: str, remedy: str) -> exc.InvalidAPIUsage:
    return exc.InvalidAPIUsage(span=here(), function=function, problem=problem, remedy=remedy)
