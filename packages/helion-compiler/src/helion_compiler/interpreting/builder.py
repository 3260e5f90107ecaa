"""The builder behind which an interpreted program runs: each IR operation is done at once, on NumPy arrays.

In: the grid and the memory of one launch, and the program that runs. Out: a drop-in for Triton's IR builder.
Assumed: one builder serves one launch, whose programs run one after another.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import attrs
import numpy as np
import triton.language as tl
from triton.runtime.interpreter import InterpreterOptions, TensorHandle

from helion_compiler.interpreting.accesses import Accesses
from helion_compiler.interpreting.arithmetic import signed
from helion_compiler.interpreting.formats import decode, encode, storage_dtype
from helion_compiler.interpreting.libdevice import libdevice_function
from helion_compiler.interpreting.memory import AddressSpace

Assembly: TypeAlias = Callable[..., Any]
"""What a piece of inline assembly computes: from the stored elements of its operands, arrays of one shape, those of its
result, of whatever dtype has their bits."""
NOTHING: Final[Mapping[str, Assembly]] = MappingProxyType({})


@attrs.define
class Position:
    """The program that runs: `index` within `grid`, along x, y and z."""

    grid: tuple[int, int, int]
    index: tuple[int, int, int] = (0, 0, 0)


@attrs.frozen
class _Computed:
    """What an operation of Triton's IR is asked for."""

    result: Any

    def get_result(self, _number: int) -> Any:
        """The only result."""
        return self.result


class Builder(Accesses):
    """Triton's IR builder for interpretation."""

    def __init__(
        self,
        position: Position,
        address_space: AddressSpace,
        assembly: Mapping[str, Assembly] = NOTHING,
    ) -> None:
        super().__init__(address_space)
        self._position: Final = position
        self._assembly: Final = assembly
        # An emitted check of each integer addition would cost as much again as the addition.
        self.options = InterpreterOptions(sanitize_overflow=False, debug=True)

    def get_bf16(self, value: float) -> Any:
        """A bfloat16 constant."""
        data = encode(np.array([value], dtype=np.float32), tl.bfloat16)
        return TensorHandle(data, tl.bfloat16)

    def create_get_program_id(self, axis: int) -> Any:
        """The index of the running program along an axis."""
        return self.get_int32(self._position.index[axis])

    def create_get_num_programs(self, axis: int) -> Any:
        """The number of programs along an axis."""
        return self.get_int32(self._position.grid[axis])

    def create_unsplat(self, value: Any) -> Any:
        """The only element of a block, as a scalar."""
        return TensorHandle(value.data.reshape(1), value.dtype.scalar)

    def create_splat(self, block: Any, value: Any) -> Any:
        """A block of equal elements."""
        data = np.full(block.shape, value.data.item(), dtype=value.data.dtype)
        return TensorHandle(data, value.dtype.scalar)

    def create_print(self, prefix: str, in_hex: bool, values: Sequence[Any], _signs: Any) -> None:
        """`tl.device_print`: the running program, the prefix, and each block's values."""
        if not values:
            print(self._position.index, prefix)
        for value in values:
            shown = decode(value.data, value.dtype.scalar)
            print(
                self._position.index,
                prefix,
                np.array2string(shown, formatter={"int_kind": hex} if in_hex else None),
            )

    def create_assert(self, condition: Any, message: str) -> None:
        """`tl.device_assert`."""
        if not condition.data.all():
            raise AssertionError(f"tl.device_assert failed: {message}")

    def create_assume(self, condition: Any) -> None:
        """`tl.assume`: what the compiler may rely on had better be true."""
        if not condition.data.all():
            raise AssertionError("a condition that the kernel assumes does not hold")

    def create_extern_elementwise(
        self,
        _library: str,
        _path: str,
        symbol: str,
        arguments: Sequence[Any],
        result: Any,
        _is_pure: bool,
    ) -> Any:
        """A libdevice function of blocks of one shape."""
        values = [decode(argument.data, argument.dtype.scalar) for argument in arguments]
        computed = libdevice_function(symbol)(*values)
        if result.scalar.is_floating():
            return TensorHandle(encode(computed, result.scalar), result.scalar)
        whole = computed if computed.dtype.kind == "b" else signed(computed)
        return TensorHandle(whole.astype(storage_dtype(result.scalar)), result.scalar)

    def create_inline_asm(
        self,
        assembly: str,
        _constraints: str,
        operands: Sequence[Any],
        types: Sequence[Any],
        *_options: Any,
    ) -> Any:
        """Inline assembly of one result, if somebody has said what it computes."""
        computes = self._assembly.get(assembly)
        if computes is None:
            raise NotImplementedError(
                "tl.inline_asm_elementwise cannot be interpreted: its assembly "
                f"{assembly.strip()!r} runs on a GPU only. Express it with Triton's own functions"
            )
        (kind,) = types
        bits = computes(*(operand.data for operand in operands))
        return _Computed(TensorHandle(bits.view(storage_dtype(kind.scalar)), kind.scalar))

    def create_dot_scaled(self, *_arguments: Any) -> Any:
        """Microscaled dots."""
        raise NotImplementedError(
            "tl.dot_scaled cannot be interpreted: scale the operands and use tl.dot"
        )


def _unsigned_constant(bits: int) -> Any:
    def get(self: Builder, value: int) -> Any:
        # Integers are signless: unsigned constants are held as signed ones of the same bits.
        data = np.array([value], dtype=f"uint{bits}").view(f"int{bits}")
        return TensorHandle(data, getattr(self, f"get_int{bits}_ty")())

    return get


for _bits in (8, 16, 32, 64):
    setattr(Builder, f"get_uint{_bits}", _unsigned_constant(_bits))
