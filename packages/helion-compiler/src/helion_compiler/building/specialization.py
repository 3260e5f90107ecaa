"""What Triton may assume of a kernel's arguments: their types, and what is a multiple of 16.

The same facts go to Triton as signature and attributes, and into the variant as guards, so that
neither assumes more than the other checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import torch

from helion import exc
from helion_compiler.emission import BufferParameter, DescriptorParameter, ScalarParameter
from helion_runtime.recompiling.worker import ALIGNMENT

if TYPE_CHECKING:
    from helion_compiler.emission import EmittedKernel
    from helion_compiler.emission.parameters import KernelParameter
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Buffer

_TYPES = {
    torch.bool: "i1",
    torch.uint8: "u8",
    torch.uint16: "u16",
    torch.uint32: "u32",
    torch.uint64: "u64",
    torch.int8: "i8",
    torch.int16: "i16",
    torch.int32: "i32",
    torch.int64: "i64",
    torch.float16: "fp16",
    torch.bfloat16: "bf16",
    torch.float32: "fp32",
    torch.float64: "fp64",
    torch.float8_e4m3fn: "fp8e4nv",
    torch.float8_e5m2: "fp8e5",
}


@attrs.frozen
class Specialization:
    """For each parameter in order: its Triton type, and whether it is a multiple of 16."""

    types: tuple[str, ...]
    divisible: tuple[bool, ...]

    @property
    def divisors(self) -> tuple[int, ...]:
        """What each parameter is a multiple of."""
        return tuple(ALIGNMENT if divisible else 1 for divisible in self.divisible)


def specialize(program: Program, emitted: EmittedKernel, aligned: frozenset[int]) -> Specialization:
    """The specialization of an emitted kernel; ``aligned`` are the arguments whose addresses are."""
    types = tuple(_type(program, parameter) for parameter in emitted.parameters)
    divisible = tuple(_divisible(program, parameter, aligned) for parameter in emitted.parameters)
    return Specialization(types, divisible)


def _type(program: Program, parameter: KernelParameter) -> str:
    match parameter:
        case BufferParameter():
            return f"*{triton_type(parameter.buffer.dtype)}"
        case DescriptorParameter():
            block = ",".join(map(str, parameter.block))
            layout = f",{parameter.layout}" if parameter.layout else ""
            return f"tensordesc<{triton_type(parameter.buffer.dtype)}[{block}]{layout}>"
        case ScalarParameter():
            if not parameter.symbol.is_integer:
                return "fp64" if program.computes_doubles() else "fp32"
            if program.is_read(parameter.symbol):
                return "i64"
            return "i32" if program.symbol_hints[parameter.symbol] < 1 << 31 else "i64"


def triton_type(dtype: torch.dtype) -> str:
    """Triton's signature word for a dtype."""
    if dtype not in _TYPES:
        raise exc.UnsupportedOperator(operator=str(dtype), reason="Triton has no such dtype")
    return _TYPES[dtype]


def _divisible(program: Program, parameter: KernelParameter, aligned: frozenset[int]) -> bool:
    match parameter:
        case BufferParameter():
            return is_aligned(program, parameter.buffer, aligned)
        case ScalarParameter():
            if not parameter.symbol.is_integer or program.is_read(parameter.symbol):
                return False
            return program.symbol_hints[parameter.symbol] % ALIGNMENT == 0
        case DescriptorParameter():
            return False


def is_aligned(program: Program, buffer: Buffer, aligned: frozenset[int]) -> bool:
    """Whether a buffer's first element lies at a multiple of 16 bytes: torch aligns what it allocates."""
    offset = program.resolve(buffer.offset)
    if not isinstance(offset, int) and not offset.is_Integer:
        return False
    if buffer.root in program.aliases:
        return False  # torch may have moved its start
    is_argument = buffer.root < len(program.arguments)
    starts = buffer.root in aligned if is_argument else True
    return starts and int(offset) * buffer.dtype.itemsize % ALIGNMENT == 0
