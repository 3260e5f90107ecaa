"""Lines of a pointwise template, written one op after another.

In: operands and constants, and names of TorchInductor's ops. Out: the lines that TorchInductor's writer, `triton_text`,
makes of the same: each different expression once, bfloat16 and float16 held in float32.
"""

from __future__ import annotations

import functools
import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import attrs
import torch

from helion_compiler.torch_bridge.dtypes import TRITON_TYPES
from helion_compiler.torch_bridge.elementary import WIDENED
from helion_compiler.torch_bridge.float32_texts import float32_texts, names_in
from helion_compiler.torch_bridge.operands import PointwiseTemplate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Argument", "Held", "LineWriter", "Scalar", "Tile", "UnknownText", "promoted"]


class UnknownText(Exception):  # noqa: N818 - the answer to a question, not a failure
    """What TorchInductor writes here is not known without it."""


@attrs.frozen
class Tile:
    """Operand `number` of a call, a tile."""

    number: int
    dtype: torch.dtype


@attrs.frozen
class Scalar:
    """Operand `number` of a call, a number that is known when the kernel runs."""

    number: int
    kind: Literal["int", "float", "bool"]


Argument = Tile | Scalar | int | float


@attrs.frozen
class Held:
    """A value: the field that stands for it in later lines, and the type that Triton holds it in."""

    field: str
    dtype: torch.dtype


_HELD_IN_FLOAT32 = (torch.float16, torch.bfloat16)
_COMPUTED = frozenset(
    {
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    }
)
"""What torch computes with; all others it converts alone."""
_UNSIGNED = (torch.uint8, torch.uint16, torch.uint32, torch.uint64)

_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "abs": "tl_math.abs({0})",
        "add": "{0} + {1}",
        "bitwise_and": "{0} & {1}",
        "bitwise_left_shift": "{0} << {1}",
        "bitwise_not": "~{0}",
        "bitwise_or": "{0} | {1}",
        "bitwise_right_shift": "{0} >> {1}",
        "bitwise_xor": "{0} ^ {1}",
        "eq": "{0} == {1}",
        "exp": "libdevice.exp({0})",
        "exp2": "libdevice.exp2({0})",
        "ge": "{0} >= {1}",
        "gt": "{0} > {1}",
        "inverse": "tl.div_rn(1.0, {0})",
        "le": "{0} <= {1}",
        "log": "tl_math.log({0})",
        "logical_not": "{0} == 0",
        "lt": "{0} < {1}",
        "maximum": "tl.maximum({0}, {1})",
        "minimum": "tl.minimum({0}, {1})",
        "mul": "{0} * {1}",
        "ne": "{0} != {1}",
        "neg": "-{0}",
        "product": "({0} * {1})",
        "rsqrt": "libdevice.rsqrt({0})",
        "sigmoid": "tl.sigmoid({0})",
        "sqrt": "tl.sqrt_rn({0})",
        "sub": "{0} - {1}",
        "tanh": "libdevice.tanh({0})",
        "truediv": "({0} / {1})",
        "where": "tl.where({0}, {1}, {2})",
    }
)
"""The text of an op, by its name; `inverse` and `product` are the parts of a quotient by a shared integer."""
_OF_FLOATS: Mapping[str, str] = MappingProxyType(
    {
        "maximum": "tl.maximum({0}, {1}, propagate_nan=tl.PropagateNan.ALL)",
        "minimum": "tl.minimum({0}, {1}, propagate_nan=tl.PropagateNan.ALL)",
    }
)
"""The same where floats have another text."""
_OF_DOUBLES: Mapping[str, str] = MappingProxyType({"sqrt": "libdevice.sqrt({0})"})
"""The same where float64 has another text."""
_TRUTHS = frozenset({"eq", "ge", "gt", "le", "logical_not", "lt", "ne"})
"""Ops that give bool."""


class LineWriter:
    """The lines of one template."""

    def __init__(self, *, approximated: frozenset[str], elementary: bool) -> None:
        self.lines: list[tuple[str, str]] = []
        self._fields: dict[str, str] = {}
        self._float32_texts = float32_texts(approximated=approximated, elementary=elementary)
        self._widened = elementary

    def op(self, name: str, *operands: Held) -> Held:
        """One op on operands of one type, the last of which gives the type of the result."""
        kind = operands[-1].dtype
        text = _TEXTS[name]
        if kind.is_floating_point:
            text = _OF_FLOATS.get(name, text)
        if kind is torch.float64:
            text = _OF_DOUBLES.get(name, text)
        if all(operand.dtype is torch.float32 for operand in operands):
            text = self._float32_texts.get(name, text)
        fields = (operand.field for operand in operands)
        return self._written(text.format(*fields), torch.bool if name in _TRUTHS else kind)

    def called(self, function: str, operand: Held) -> Held:
        """A function of `elementary` on one float32 operand."""
        return self._written(f"{function}({operand.field})", torch.float32)

    def template(self, value: Held, dtype: torch.dtype) -> PointwiseTemplate:
        """The template of a call whose result is a value, converted to a type."""
        result = self.stored(value, dtype)
        return PointwiseTemplate(
            lines=tuple(self.lines),
            result=result.field,
            result_dtype=dtype,
            uses=frozenset(name for _, line in self.lines for name in names_in(line)),
        )

    def value(self, argument: Argument, dtype: torch.dtype) -> Held:
        """An argument of the call as a value of a type."""
        if isinstance(argument, Tile):
            return self.converted(self._loaded(argument), dtype)
        held = _held_in(dtype)
        if isinstance(argument, Scalar):
            return self._written(f"tl.cast({{{argument.number}}}, {TRITON_TYPES[held]})", held)
        return self.constant(argument, held)

    def constant(self, number: float, dtype: torch.dtype) -> Held:
        """A number that is known; it has to be one of the type."""
        if dtype.is_floating_point:
            number = float(number)
            if number == 0 and math.copysign(1, number) < 0:
                raise UnknownText
        elif dtype is torch.bool or type(number) is not int or not _is_of(number, dtype):
            raise UnknownText
        written = repr(number) if math.isfinite(number) else f'float("{number}")'
        return self._written(f"tl.full([], {written}, {TRITON_TYPES[dtype]})", dtype)

    def converted(self, value: Held, dtype: torch.dtype) -> Held:
        """A value as one of another type, low precision held in float32."""
        return self._cast(value, _held_in(dtype))

    def stored(self, value: Held, dtype: torch.dtype) -> Held:
        """A value as one of another type itself."""
        return self._cast(value, dtype)

    def _loaded(self, tile: Tile) -> Held:
        field = f"{{{tile.number}}}"
        if tile.dtype is torch.bfloat16 and self._widened:
            return self._written(f"{WIDENED}({field})", torch.float32)
        return self._cast(Held(field, tile.dtype), _held_in(tile.dtype))

    def _cast(self, value: Held, dtype: torch.dtype) -> Held:
        if value.dtype == dtype:
            return value
        if dtype not in TRITON_TYPES or _is_special(value.dtype, dtype):
            raise UnknownText
        text = "({} != 0)" if dtype is torch.bool else f"{{}}.to({TRITON_TYPES[dtype]})"
        return self._written(text.format(value.field), dtype)

    def _written(self, text: str, dtype: torch.dtype) -> Held:
        if text not in self._fields:
            name = f"t{len(self.lines)}"
            self.lines.append((name, text))
            self._fields[text] = f"{{{name}}}"
        return Held(self._fields[text], dtype)


def promoted(arguments: Iterable[Argument]) -> torch.dtype:
    """The type that torch computes in with tiles of some types, and numbers, which only raise the kind of type."""
    arguments = tuple(arguments)
    tiles = [argument.dtype for argument in arguments if isinstance(argument, Tile)]
    if not _COMPUTED.issuperset(tiles):
        raise UnknownText
    dtype = functools.reduce(torch.promote_types, tiles)
    kinds = {_kind(argument) for argument in arguments if not isinstance(argument, Tile)}
    if not kinds <= {"int", "float"}:
        raise UnknownText
    if "float" in kinds and not dtype.is_floating_point:
        return torch.get_default_dtype()
    return torch.int64 if kinds and dtype is torch.bool else dtype


def _is_of(number: int, dtype: torch.dtype) -> bool:
    limits = torch.iinfo(dtype)
    return limits.min <= number <= limits.max


def _kind(number: Scalar | float) -> str:
    return number.kind if isinstance(number, Scalar) else type(number).__name__


def _held_in(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in _HELD_IN_FLOAT32 else dtype


def _is_float8(dtype: torch.dtype) -> bool:
    return dtype.is_floating_point and dtype.itemsize == 1


def _is_special(source: torch.dtype, target: torch.dtype) -> bool:
    """Whether it takes more than one conversion from one type to the other."""
    if _is_float8(source):
        return target.itemsize == 1
    return (source.is_floating_point and target in _UNSIGNED) or (
        _is_float8(target) and not source.is_floating_point
    )
