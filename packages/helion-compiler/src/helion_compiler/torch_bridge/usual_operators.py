"""The usual pointwise operators as Triton text, without importing TorchInductor.

In: a call as `pointwise.lower_pointwise` is given it. Out: its `PointwiseTemplate`, line by line what TorchInductor's
lowering gives, or None where nothing is known of the call. TorchInductor decides what an operator is: a test compares
the two for each operator, type and kind of argument that is answered here, and to differ is a mistake of this module.

Operands promote as torch promotes them, and the result is converted once, to what was asked for.
"""

from __future__ import annotations

import functools
import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.torch_bridge.gelu import CUBIC, SLOPE
from helion_compiler.torch_bridge.line_writer import (
    Argument,
    Held,
    LineWriter,
    Scalar,
    Tile,
    UnknownText,
    promoted,
)
from helion_compiler.torch_bridge.operands import PointwiseTemplate, ScalarOperand, TensorOperand

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["USUAL_OPERATORS", "usual_dtype", "usual_template"]

aten = torch.ops.aten


def usual_template(
    operator: torch._ops.OpOverload,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    result_dtype: torch.dtype,
    *,
    approximated: frozenset[str] = frozenset(),
    elementary: bool = False,
) -> PointwiseTemplate | None:
    """The text of a call on a GPU; None where that takes TorchInductor. Arguments are those of `lower_pointwise`."""
    usual = _known(operator, kwargs)
    if usual is None:
        return None
    writer = LineWriter(approximated=approximated, elementary=elementary)
    try:
        return writer.template(usual.write(writer, *_numbered(args), **kwargs), result_dtype)
    except UnknownText:
        return None


def usual_dtype(
    operator: torch._ops.OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> torch.dtype | None:
    """The type that a call gives which has a text; None where torch has to say.

    Tensors stand for tiles, and what torch has for numbers that are not known for such.
    """
    usual = _known(operator, kwargs)
    operands = tuple(map(_operand, args))
    if usual is None or usual_template(operator, operands, kwargs, torch.float32) is None:
        return None
    try:
        return usual.gives(*map(_number, args))
    except UnknownText:
        return None


def _operand(argument: Any) -> Any:
    match argument:
        case torch.Tensor():
            return TensorOperand(argument.dtype)
        case torch.SymInt():
            return ScalarOperand("int")
        case torch.SymFloat():
            return ScalarOperand("float")
    return argument


def _number(argument: Any) -> Any:
    """A number of the same kind as one that is not known; anything else as it is."""
    match argument:
        case torch.SymInt():
            return 1
        case torch.SymFloat():
            return 1.0
    return argument


def _known(operator: torch._ops.OpOverload, kwargs: Mapping[str, Any]) -> UsualOperator | None:
    return None if kwargs and operator is not aten.gelu.default else USUAL_OPERATORS.get(operator)


def _numbered(args: tuple[Any, ...]) -> list[Any]:
    """The arguments of a call, operands with their numbers."""
    made: list[Any] = []
    count = 0
    for argument in args:
        match argument:
            case TensorOperand():
                made.append(Tile(count, argument.dtype))
            case ScalarOperand():
                made.append(Scalar(count, argument.kind))
            case _:
                made.append(argument)
                continue
        count += 1
    return made


# Rules: each writes the lines of an operator, and returns the result before it is converted.


def _alike(name: str, writer: LineWriter, *args: Argument) -> Held:
    """One op in the type that its operands promote to."""
    dtype = promoted(args)
    return writer.op(name, *(writer.value(argument, dtype) for argument in args))


def _arithmetic(name: str, writer: LineWriter, *args: Argument) -> Held:
    """The same for what bools have in another way."""
    if promoted(args) is torch.bool:
        raise UnknownText
    return _alike(name, writer, *args)


def _of_tiles(name: str, writer: LineWriter, x: Tile, y: Argument) -> Held:
    """The same for what torch has no numbers in."""
    if not isinstance(y, Tile):
        raise UnknownText
    return _alike(name, writer, x, y)


def _extremum(name: str, writer: LineWriter, x: Tile, y: Argument) -> Held:
    if x.dtype is torch.bool:
        raise UnknownText
    return _of_tiles(name, writer, x, y)


def _of_floats(name: str, writer: LineWriter, x: Tile) -> Held:
    """One op that makes floats of integers."""
    return writer.op(name, writer.value(x, promoted((x, 1.0))))


def _comparison(name: str, writer: LineWriter, x: Tile, y: Scalar | float) -> Held:
    """A comparison with a number as the type of the tile rounds it."""
    dtype = promoted((x, y))
    held, number = writer.value(x, dtype), writer.value(y, dtype)
    if held.dtype != dtype:
        if isinstance(y, Scalar):
            number = writer.converted(writer.stored(number, dtype), torch.float32)
        elif not (float(y).is_integer() and abs(y) <= 256):
            raise UnknownText  # the type may not have it
    return writer.op(name, held, number)


def _shifted(name: str, writer: LineWriter, x: Tile, y: Scalar | float) -> Held:
    if x.dtype is torch.bool or promoted((x, y)).is_floating_point:
        raise UnknownText
    return _alike(name, writer, x, y)


def _quotient(writer: LineWriter, x: Tile, y: Argument) -> Held:
    """By a known number it is a product, and by an integer that lanes share one with its reciprocal."""
    dtype = promoted((x, y, 1.0))
    held = writer.value(x, dtype)
    if isinstance(y, Tile | Scalar):
        other = writer.value(y, dtype)
        if isinstance(y, Scalar) and y.kind == "int" and held.dtype is torch.float32:
            return writer.op("product", held, writer.op("inverse", other))
        return writer.op("truediv", held, other)
    inverse = 1.0 / y if y else math.copysign(math.inf, y)
    return writer.op("mul", held, writer.constant(inverse, held.dtype))


def _difference_from(writer: LineWriter, x: Tile, y: Argument, alpha: float = 1) -> Held:
    if alpha != 1:
        raise UnknownText
    return _arithmetic("sub", writer, y, x)


def _within(
    writer: LineWriter, x: Tile, least: Argument | None = None, most: Argument | None = None
) -> Held:
    dtype = promoted([argument for argument in (x, least, most) if argument is not None])
    if dtype is not x.dtype or dtype is torch.bool:
        raise UnknownText
    held = writer.value(x, dtype)
    for name, bound in (("maximum", least), ("minimum", most)):
        if bound is not None:
            held = writer.op(name, held, writer.value(bound, dtype))
    return held


def _rectified(writer: LineWriter, x: Tile) -> Held:
    """TorchInductor's zero is an int32, which smaller integers would become."""
    dtype = promoted((x,))
    if not dtype.is_floating_point and dtype.itemsize < torch.int32.itemsize:
        raise UnknownText
    held = writer.value(x, dtype)
    return writer.op("maximum", writer.constant(0, torch.int32), held)


def _selected(writer: LineWriter, condition: Tile, x: Tile, y: Tile) -> Held:
    if condition.dtype is not torch.bool:
        raise UnknownText
    dtype = promoted((x, y))
    held = (writer.value(argument, dtype) for argument in (x, y))
    return writer.op("where", writer.value(condition, torch.bool), *held)


def _filled(writer: LineWriter, x: Tile, mask: Tile, number: Argument) -> Held:
    if mask.dtype is not torch.bool or promoted((x, number)) is not x.dtype:
        raise UnknownText
    chosen = writer.value(mask, torch.bool)
    return writer.op("where", chosen, writer.value(number, x.dtype), writer.value(x, x.dtype))


def _power(writer: LineWriter, x: Tile, exponent: Argument) -> Held:
    if exponent != 2:
        raise UnknownText
    held = writer.value(x, promoted((x, exponent)))
    return writer.op("mul", held, held)


def _inverted(writer: LineWriter, x: Tile) -> Held:
    name = "logical_not" if x.dtype is torch.bool else "bitwise_not"
    return writer.op(name, writer.value(x, promoted((x,))))


def _converted(writer: LineWriter, x: Tile, dtype: torch.dtype) -> Held:
    return writer.value(x, dtype)


def _silu(writer: LineWriter, x: Tile) -> Held:
    """x / (exp(-x) + 1), which torch has of floats alone."""
    if not x.dtype.is_floating_point:
        raise UnknownText
    held = writer.value(x, promoted((x,)))
    exponential = writer.op("exp", writer.op("neg", held))
    denominator = writer.op("add", exponential, writer.constant(1.0, held.dtype))
    return writer.op("truediv", held, denominator)


def _gelu(writer: LineWriter, x: Tile, *, approximate: str = "none") -> Held:
    """The formula of `gelu`."""
    if approximate != "tanh":
        raise UnknownText
    held = writer.value(x, promoted((x,)))
    cubic = writer.op(
        "mul", writer.op("mul", held, held), writer.constant(SLOPE * CUBIC, held.dtype)
    )
    twice = writer.op("mul", held, writer.op("add", cubic, writer.constant(SLOPE, held.dtype)))
    return writer.op("mul", held, writer.op("sigmoid", twice))


# Types that operators give, of tensors and numbers like the arguments of a call.


def _type(*args: Any) -> torch.dtype:
    """The type that the arguments promote to."""
    if len(args) == 1:
        dtype: torch.dtype = args[0].dtype
        return dtype
    return torch.result_type(*args)


def _floating(*args: Any) -> torch.dtype:
    """The same, of integers torch's default."""
    dtype = _type(*args)
    return dtype if dtype.is_floating_point else torch.get_default_dtype()


def _truth(*_args: Any) -> torch.dtype:
    return torch.bool


def _first(*args: Any) -> torch.dtype:
    """The type of the first argument, where the others leave it as it is."""
    numbers = [argument for argument in args[1:] if argument is not None]
    if any(torch.result_type(args[0], number) is not args[0].dtype for number in numbers):
        raise UnknownText
    return _type(args[0])


def _chosen(_condition: Any, x: Any, y: Any) -> torch.dtype:
    return torch.result_type(x, y)


def _filled_type(x: Any, _mask: Any, _number: Any) -> torch.dtype:
    return _type(x)


def _given(_x: Any, dtype: torch.dtype) -> torch.dtype:
    return dtype


@attrs.frozen
class UsualOperator:
    """What is known of an operator.

    Attributes:
        write: Writes the lines of a call and returns its result; raises `UnknownText`.
        gives: The type of the result, from tensors and numbers; raises `UnknownText`.
    """

    write: Callable[..., Held]
    gives: Callable[..., torch.dtype]


def _each(
    rule: Callable[..., Held], gives: Callable[..., torch.dtype], names: str, *overloads: str
) -> dict[torch._ops.OpOverload, UsualOperator]:
    """Several operators with a rule that is given their names."""
    return {
        getattr(getattr(aten, name), overload): UsualOperator(functools.partial(rule, name), gives)
        for name in names.split()
        for overload in overloads
    }


USUAL_OPERATORS: Mapping[torch._ops.OpOverload, UsualOperator] = MappingProxyType(
    {
        **_each(_of_tiles, _type, "bitwise_and bitwise_or bitwise_xor", "Tensor"),
        **_each(_alike, _type, "bitwise_and bitwise_or bitwise_xor", "Scalar"),
        **_each(_arithmetic, _type, "abs neg", "default"),
        **_each(_arithmetic, _type, "add mul sub", "Tensor"),
        **_each(_extremum, _type, "maximum minimum", "default"),
        **_each(_of_tiles, _truth, "eq ge gt le lt ne", "Tensor"),
        **_each(_comparison, _truth, "eq ge gt le lt ne", "Scalar"),
        **_each(_of_floats, _floating, "exp exp2 log rsqrt sigmoid sqrt tanh", "default"),
        aten.__lshift__.Scalar: UsualOperator(
            functools.partial(_shifted, "bitwise_left_shift"), _type
        ),
        aten.__rshift__.Scalar: UsualOperator(
            functools.partial(_shifted, "bitwise_right_shift"), _type
        ),
        aten.__xor__.Scalar: UsualOperator(functools.partial(_alike, "bitwise_xor"), _type),
        aten.bitwise_not.default: UsualOperator(_inverted, _type),
        aten.clamp.default: UsualOperator(_within, _first),
        aten.div.Tensor: UsualOperator(_quotient, _floating),
        aten.gelu.default: UsualOperator(_gelu, _type),
        aten.masked_fill.Scalar: UsualOperator(_filled, _filled_type),
        aten.pow.Tensor_Scalar: UsualOperator(_power, _type),
        aten.relu.default: UsualOperator(_rectified, _type),
        aten.rsub.Scalar: UsualOperator(_difference_from, _type),
        aten.silu.default: UsualOperator(_silu, _type),
        aten.where.self: UsualOperator(_selected, _chosen),
        torch.ops.prims.convert_element_type.default: UsualOperator(_converted, _given),
    }
)
"""What is known, by operator."""
