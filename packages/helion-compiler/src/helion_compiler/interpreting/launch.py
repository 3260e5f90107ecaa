"""The one entry: run a Triton kernel on CPU tensors, program after program.

In: a kernel in Python or decorated by `@triton.jit`, a grid, arguments in source order, and constants by name.
Out: nothing; the tensors have been written to, as a launch on a GPU would have written to them.
Assumed: the programs of a grid do not wait for one another.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import numpy as np
import torch
import triton.language as tl
from triton.runtime.interpreter import TensorHandle
from triton.runtime.jit import JITFunction
from triton.tools.tensor_descriptor import TensorDescriptor

from helion_compiler.interpreting.builder import NOTHING, Assembly, Builder, Position
from helion_compiler.interpreting.language import Language
from helion_compiler.interpreting.memory import AddressSpace

ELEMENT_TYPES: Final = {
    torch.bool: tl.int1,
    torch.uint8: tl.uint8,
    torch.uint16: tl.uint16,
    torch.uint32: tl.uint32,
    torch.uint64: tl.uint64,
    torch.int8: tl.int8,
    torch.int16: tl.int16,
    torch.int32: tl.int32,
    torch.int64: tl.int64,
    torch.float16: tl.float16,
    torch.bfloat16: tl.bfloat16,
    torch.float32: tl.float32,
    torch.float64: tl.float64,
    torch.float8_e4m3fn: tl.float8e4nv,
    torch.float8_e5m2: tl.float8e5,
    torch.float8_e4m3fnuz: tl.float8e4b8,
    torch.float8_e5m2fnuz: tl.float8e5b16,
}


def interpret(
    function: Callable[..., object] | JITFunction,
    grid: tuple[int, int, int],
    arguments: Sequence[object],
    constants: Mapping[str, object] | None = None,
    *,
    checked: bool = True,
    assembly: Mapping[str, Assembly] = NOTHING,
) -> None:
    """Run a kernel for every program of a grid.

    `arguments` are CPU tensors, numbers and `TensorDescriptor`s of CPU tensors, in source order, for the
    parameters that `constants` does not name. An empty grid runs nothing. Safe to call from several threads, and
    while others compile; a kernel that was interpreted still compiles.

    A kernel that is not `checked` may touch any memory: it is given addresses as numbers. `assembly` says what the
    inline assembly of the kernel computes, by its text; any other raises NotImplementedError.

    Raises `OutOfBoundsAccess` before memory outside the tensors' storages is touched, TypeError or ValueError for
    arguments that do not fit, and whatever the kernel's own code raises, with the kernel's lines in the traceback.
    """
    kernel = function.fn if isinstance(function, JITFunction) else function
    named = _named(kernel, arguments, dict(constants or {}))
    tensors = dict(_tensors(named))
    position = Position(grid)
    address_space = AddressSpace(kernel.__name__, tensors if checked else None)
    language = Language(Builder(position, address_space, assembly))
    body = language.function(kernel)
    with np.errstate(all="ignore"):
        values = {name: _value(name, value, language) for name, value in named.items()}
        values |= {name: language.bind(value) for name, value in (constants or {}).items()}
        for z, y, x in product(*(range(extent) for extent in reversed(grid))):
            position.index = (x, y, z)
            try:
                body(**values)
            except Exception as error:
                error.add_note(f"in kernel {kernel.__name__!r}, program {position.index} of {grid}")
                raise


def _named(
    kernel: Callable[..., object], arguments: Sequence[object], constants: Mapping[str, object]
) -> dict[str, object]:
    parameters = inspect.signature(kernel).parameters
    if unknown := constants.keys() - parameters.keys():
        raise TypeError(f"kernel {kernel.__name__!r} has no parameters named {sorted(unknown)}")
    open_names = [name for name in parameters if name not in constants]
    required = [name for name in open_names if parameters[name].default is inspect.Parameter.empty]
    if not len(required) <= len(arguments) <= len(open_names):
        raise TypeError(
            f"kernel {kernel.__name__!r} takes {len(required)} arguments besides its constants "
            f"({', '.join(required)}), but {len(arguments)} were given"
        )
    return dict(zip(open_names, arguments, strict=False))


def _tensors(named: Mapping[str, object]) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in named.items():
        tensor = value.base if isinstance(value, TensorDescriptor) else value
        if isinstance(tensor, torch.Tensor):
            if tensor.device.type != "cpu":
                raise ValueError(
                    f"argument {name!r} is on {tensor.device}; only CPU tensors can be interpreted"
                )
            yield name, tensor


def _value(name: str, value: object, language: Language) -> Any:
    """An argument as the kernel sees it: a pointer, a scalar tensor or a tensor descriptor."""
    if isinstance(value, torch.Tensor):
        return language.adopt(_pointer(name, value))
    if isinstance(value, TensorDescriptor):
        return language.adopt(
            language.semantic.make_tensor_descriptor(
                base=_pointer(name, value.base),
                shape=[language.semantic.to_tensor(int(size)) for size in value.shape],
                strides=[language.semantic.to_tensor(int(size)) for size in value.strides[:-1]]
                + [tl.constexpr(int(value.strides[-1]))],
                block_shape=[tl.constexpr(int(size)) for size in value.block_shape],
                padding_option=value.padding,
            )
        )
    if isinstance(value, bool | int | float | np.int64):
        return language.adopt(_scalar(value, language))
    if value is None:
        return None
    raise TypeError(
        f"argument {name!r} is a {type(value).__name__}; expected a CPU tensor, a number or a TensorDescriptor. "
        "Pass anything else as a constant"
    )


def _scalar(value: bool | float | np.int64, language: Language) -> Any:
    """A number with the type that Triton gives arguments at a launch; NumPy's have their own."""
    if isinstance(value, np.int64):
        value, kind = int(value), tl.int64
    elif isinstance(value, np.float64):
        value, kind = float(value), tl.float64
    elif isinstance(value, bool):
        kind = tl.int1
    elif isinstance(value, float):
        kind = tl.float32
    else:
        size = value.bit_length()
        kind = tl.int32 if size < 32 else tl.int64 if size < 64 else tl.uint64
    return language.semantic.scalar_constant(value, kind)


def _pointer(name: str, tensor: torch.Tensor) -> Any:
    if tensor.dtype not in ELEMENT_TYPES:
        raise TypeError(f"argument {name!r} has elements of {tensor.dtype}, which Triton has not")
    kind = tl.pointer_type(ELEMENT_TYPES[tensor.dtype])
    address = np.array([tensor.data_ptr()], dtype=np.uint64)
    return tl.tensor(TensorHandle(address, kind), kind)
