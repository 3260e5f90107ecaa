"""Write device code down: each ATen call on tiles becomes an op of the current block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.ops import Pointwise
from helion_compiler.torch_bridge.decompositions import decomposition_table
from helion_compiler.torch_bridge.symbolic import is_composite
from helion_compiler.tracing.fixed_floats import with_fixed_floats
from helion_compiler.tracing.in_place import record_in_place
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.operators import TABLE

if TYPE_CHECKING:
    from helion_compiler.program.types import Size
    from helion_compiler.tracing.state import Trace


def record_device(
    trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """One ATen call on the device."""
    if operator.namespace == "prim":  # questions about a tensor, such as its device
        with trace.fake_mode:
            return operator(*args, **kwargs)
    if operator._schema.is_mutable:
        return record_in_place(trace, operator, args, kwargs)
    if operator._schema.name == "aten::_local_scalar_dense":
        raise exc.StatementNotSupported(
            span=here(),
            statement="a value of the device as a Python number or condition",
            remedy="choose with `torch.where(condition, a, b)`, or store the value into a tensor",
        )
    rule = TABLE.get(operator._schema.name)
    if rule is not None:
        return rule(trace, operator, *args, **kwargs)
    decomposition = decomposition_table().get(operator)
    if decomposition is not None:
        with trace.listening():
            result = decomposition(*args, **kwargs)
        if result is not NotImplemented:
            return result
    if is_composite(operator):
        with trace.listening():
            return operator.decompose(*args, **kwargs)
    return pointwise(trace, operator, args, kwargs)


def pointwise(
    trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> torch.Tensor:
    """An operator that works lane by lane, as TorchInductor will tell when it is emitted."""
    args, kwargs = with_fixed_floats(operator, args, kwargs)
    try:
        with trace.fake_mode:
            result = operator(*args, **kwargs)
    except (RuntimeError, IndexError, TypeError) as error:
        raise _shape_error(trace, operator, args, error) from error
    if not isinstance(result, torch.Tensor):
        raise exc.UnsupportedOperator(
            span=here(), operator=str(operator), reason="it has several results or none"
        )
    _check_lanes(trace, operator, result)
    recorded = Pointwise(
        result=trace.new_value(
            result, operator._schema.name.removeprefix("aten::").removeprefix("prims::")
        ),
        operator=operator,
        args=tuple(_operand(trace, argument) for argument in args),
        kwargs={name: _operand(trace, argument) for name, argument in kwargs.items()},
        location=location(),
    )
    trace.body.append(recorded)
    return result


def _check_lanes(trace: Trace, operator: Any, result: torch.Tensor) -> None:
    """Refuse what no lane-by-lane operator does: make complex numbers, or ask how many lanes a tile has."""
    reason = None
    if result.dtype.is_complex:
        reason = "it gives complex numbers, which Triton does not have"
    elif any(size != 1 and not _is_size(trace, size) for size in trace.sizes_of(result)):
        reason = "its result depends on how many lanes a tile has"
    if reason is not None:
        raise exc.UnsupportedOperator(span=here(), operator=str(operator), reason=reason)


def _is_size(trace: Trace, size: Size) -> bool:
    """Whether values may have dimensions of this size; the example size of a tile is none."""
    return trace.symbols.is_block(size) or not trace.symbols.is_block_hint(size)


def _operand(trace: Trace, argument: Any) -> Any:
    """An argument of an ATen call as a Program holds it."""
    if isinstance(argument, torch.Tensor):
        return trace.value_of(argument)
    if isinstance(argument, torch.SymInt):
        return trace.number(argument)
    if isinstance(argument, torch.SymFloat):
        return trace.float_number(argument)
    if isinstance(argument, list | tuple):
        return tuple(_operand(trace, item) for item in argument)
    return argument


def _shape_error(
    trace: Trace, operator: Any, args: tuple[Any, ...], error: Exception
) -> exc.HelionError:
    """What went wrong when torch itself refused the operands."""
    shapes = [trace.describe(argument) for argument in args if isinstance(argument, torch.Tensor)]
    name = operator._schema.name.removeprefix("aten::")
    return exc.ShapeMismatch(
        span=here(),
        operation=f"torch.{name}",
        reason=f"{' and '.join(shapes)} do not fit",
        notes=(trace.body.in_author_words(str(error)),),
    )
