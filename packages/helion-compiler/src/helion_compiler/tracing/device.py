"""Write device code down: each ATen call on tiles becomes an op of the current block."""

from __future__ import annotations

import contextlib
import itertools
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import sympy
import torch

from helion import exc
from helion_compiler.program.fields import symbols
from helion_compiler.program.ops import Pointwise
from helion_compiler.program.types import Value
from helion_compiler.torch_bridge.decompositions import decomposition_of
from helion_compiler.torch_bridge.modes import asking
from helion_compiler.torch_bridge.operands import NotPointwise, ScalarOperand, TensorOperand
from helion_compiler.torch_bridge.pointwise import lower_pointwise
from helion_compiler.torch_bridge.symbolic import is_composite
from helion_compiler.tracing.fixed_floats import with_fixed_floats
from helion_compiler.tracing.in_place import record_in_place
from helion_compiler.tracing.lane_results import lane_result
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.operators import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_compiler.program.types import Size
    from helion_compiler.tracing.state import Trace


def record_device(
    trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """One ATen call on the device."""
    schema = operator._schema
    if operator.namespace == "prim":  # questions about a tensor, such as its device
        with trace.fake_mode:
            return operator(*args, **kwargs)
    if schema.name in _QUESTIONS:
        return _QUESTIONS[schema.name](trace, *args)
    if schema.is_mutable:
        return record_in_place(trace, operator, args, kwargs)
    if operator is torch.ops.aten.view.dtype:  # the same bits as another type: a view only in name
        return pointwise(trace, operator, args, kwargs)
    rule = TABLE.get(schema.name)
    if rule is not None:
        result = rule(trace, operator, *args, **kwargs)
        return _as_view(trace, result, args[0]) if _is_view(operator) else result
    return _by_meaning(trace, operator, args, kwargs)


def _by_meaning(trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An operator without a rule: as one op lane by lane, or taken apart."""
    if torch.Tag.pointwise in operator.tags:
        # Whole, so that low precision is rounded once; taken apart only where it has no text as a whole.
        with contextlib.suppress(exc.UnsupportedOperator):
            return pointwise(trace, operator, args, kwargs)
    decomposition = decomposition_of(operator)
    if decomposition is not None:
        with trace.listening():
            result = decomposition(*args, **kwargs)
        if result is not NotImplemented:
            return result
    if is_composite(operator):
        with trace.listening():
            return operator.decompose(*args, **kwargs)
    return pointwise(trace, operator, args, kwargs, numbers_may_differ=True)


def _read(_trace: Trace, _tensor: torch.Tensor) -> NoReturn:
    raise exc.StatementNotSupported(
        span=here(),
        statement="a value of the device as a Python number or condition",
        remedy="choose with `torch.where(condition, a, b)`, or store the value into a tensor",
    )


def _plain_sizes(trace: Trace, tensor: torch.Tensor) -> list[Any]:
    """What torch's own C++ asks for where it cannot do without plain numbers."""
    if any(map(trace.symbols.is_block, trace.sizes_of(tensor))):
        raise exc.UnsupportedOperator(
            span=here(),
            operator="this operator",
            reason="it needs the sizes of a tile as plain numbers, also of dimensions that it leaves alone",
        )
    return list(tensor.shape)


_OF_INTEGERS = frozenset(
    {
        *("bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor"),
        *("bitwise_left_shift", "bitwise_right_shift"),
    }
)
_QUESTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"aten::_local_scalar_dense": _read, "aten::size": _plain_sizes}
)
"""What torch asks about a tensor, by name: it gets an answer or an error, and nothing is recorded."""


def _as_view(trace: Trace, result: Any, base: Any) -> Any:
    """What a rule for a view gave; an alias where that is what it views."""
    if isinstance(result, list):
        return [_as_view(trace, part, base) for part in result]
    if result is base:
        return trace.alias(result)
    trace.add_view(result)
    return result


def _is_view(operator: Any) -> bool:
    return any(value.alias_info is not None for value in operator._schema.returns)


def pointwise(
    trace: Trace,
    operator: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    numbers_may_differ: bool = False,
) -> torch.Tensor:
    """An operator that works lane by lane, which TorchInductor can tell.

    ``numbers_may_differ``: a number that only a config tells may make a difference, so that emission decides.
    """
    _check_schema(operator)
    _check_integers(operator, args)
    args, kwargs = with_fixed_floats(operator, args, kwargs)
    result = lane_result(trace, operator, args, kwargs)
    if result is None:
        result = _asked(trace, operator, args, kwargs)
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
    if not (numbers_may_differ and symbols(recorded)):
        _check_lowers(recorded)
    trace.body.append(recorded)
    return result


def _asked(
    trace: Trace, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> torch.Tensor:
    """What torch says that an operator gives."""
    try:
        with trace.fake_mode, asking():
            result: torch.Tensor = operator(*args, **kwargs)
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        raise _shape_error(trace, operator, args, error) from error
    return result


def _check_schema(operator: Any) -> None:
    """Refuse what cannot work lane by lane, before torch is asked what it would give for a million lanes."""
    returns = operator._schema.returns
    if len(returns) != 1 or str(returns[0].type) != "Tensor":
        raise _unsupported(operator, "it has several results or none")
    if returns[0].alias_info is not None and operator is not torch.ops.aten.view.dtype:
        raise _unsupported(operator, "it is a view that tiles do not have")


def _check_integers(operator: Any, args: Sequence[Any]) -> None:
    """Refuse floats where torch has none: what it would give is known without asking it, and so are no errors."""
    if operator._schema.name.removeprefix("aten::") in _OF_INTEGERS and any(
        arg.is_floating_point() if isinstance(arg, torch.Tensor) else isinstance(arg, float)
        for arg in args
    ):
        raise _unsupported(operator, "torch has it for integers and truth values alone")


def _check_lanes(trace: Trace, operator: Any, result: torch.Tensor) -> None:
    """Refuse what no lane-by-lane operator does: make complex numbers, or ask how many lanes a tile has."""
    if result.dtype.is_complex:
        raise _unsupported(operator, "it gives complex numbers, which Triton does not have")
    if any(size != 1 and not _is_size(trace, size) for size in trace.sizes_of(result)):
        raise _unsupported(operator, "its result depends on how many lanes a tile has")


def _check_lowers(recorded: Pointwise) -> None:
    """Refuse an operator here, in the author's terms, that has no text: nothing later is to meet it."""
    args = tuple(map(_template_operand, recorded.args))
    kwargs = {name: _template_operand(argument) for name, argument in recorded.kwargs.items()}
    try:
        lower_pointwise(recorded.operator, args, kwargs, recorded.result.type.dtype)
    except NotPointwise as error:
        raise _unsupported(recorded.operator, error.reason) from error


def _template_operand(argument: Any) -> Any:
    """An argument of an op as :func:`lower_pointwise` takes it."""
    if isinstance(argument, Value):
        return TensorOperand(argument.type.dtype)
    if isinstance(argument, sympy.Basic):
        return ScalarOperand("float" if argument.is_integer is False else "int")
    if isinstance(argument, tuple):
        return tuple(map(_template_operand, argument))
    return argument


def _unsupported(operator: Any, reason: str) -> exc.UnsupportedOperator:
    return exc.UnsupportedOperator(span=here(), operator=str(operator), reason=reason)


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
    """What went wrong when torch itself refused the operands: their shapes, unless these broadcast."""
    operands = [argument for argument in args if isinstance(argument, torch.Tensor)]
    message = trace.body.in_author_words(str(error).strip())
    if _broadcast(trace, operands):
        return _unsupported(operator, f"torch says: {message.partition(chr(10))[0]}")
    name = operator._schema.name.removeprefix("aten::")
    return exc.ShapeMismatch(
        span=here(),
        operation=f"torch.{name}",
        reason=f"{' and '.join(map(trace.describe, operands))} do not fit",
        notes=(message,),
    )


def _broadcast(trace: Trace, operands: list[torch.Tensor]) -> bool:
    """Whether operands have shapes that fit each other."""
    shapes = [trace.sizes_of(operand)[::-1] for operand in operands]
    columns = itertools.zip_longest(*shapes, fillvalue=1)
    return all(len(set(sizes) - {1}) <= 1 for sizes in columns)
