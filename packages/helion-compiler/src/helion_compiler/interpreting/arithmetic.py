"""Element-wise arithmetic with the semantics of a GPU.

In: handles of blocks, as Triton's semantic layer passes them to its IR builder. Out: new handles.
Small floats compute in float32 and round once to nearest even; integers are signless, and the operation
says how to read them. Division of integers by zero gives -1 and its remainder the dividend, as on NVIDIA GPUs.
Assumed: operands were broadcast to one shape and one type by Triton's semantic layer.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
import triton.language as tl
from triton.language.core import PropagateNan
from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

from helion_compiler.interpreting.formats import Array, decode, encode

Operation = Callable[..., Array]


def unsigned(data: Array) -> Array:
    """The same integers read without a sign; bools stay bools."""
    return data if data.dtype.kind in "bu" else data.view(f"uint{8 * data.itemsize}")


def signed(data: Array) -> Array:
    """The same integers read with a sign; bools stay bools."""
    return data if data.dtype.kind in "bi" else data.view(f"int{8 * data.itemsize}")


def quotient(left: Array, right: Array) -> Array:
    """C's integer division: truncates; a zero divisor gives all bits set, as NVIDIA GPUs do."""
    is_zero = right == 0
    divisor = np.where(is_zero, right.dtype.type(1), right)
    whole = left // divisor
    inexact = whole * divisor != left
    truncated = whole + (inexact & ((left < 0) != (divisor < 0))).astype(left.dtype)
    return np.where(is_zero, ~np.zeros((), dtype=left.dtype), truncated)


def remainder(left: Array, right: Array) -> Array:
    """C's integer remainder, with the sign of the dividend; of a zero divisor, the dividend."""
    divisor = np.where(right == 0, right.dtype.type(1), right)
    return np.where(right == 0, left, np.fmod(left, divisor))


def high_product(left: Array, right: Array) -> Array:
    """The upper half of the product of unsigned integers of 32 or 64 bits."""
    if left.itemsize < 8:
        bits = np.uint64(8 * left.itemsize)
        return ((left.astype(np.uint64) * right.astype(np.uint64)) >> bits).astype(left.dtype)
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    a, b, c, d = left >> half, left & low, right >> half, right & low
    middle = a * d + ((b * d) >> half)
    other = b * c + (middle & low)
    upper: Array = a * c + (middle >> half) + (other >> half)
    return upper


def fused_multiply_add(x: Array, y: Array, z: Array) -> Array:
    """`x * y + z`; in float32 the product is exact, and only the sum is rounded (by way of float64)."""
    wide = np.float64 if x.dtype == np.float32 else x.dtype
    total: Array = x.astype(wide) * y + z
    return total.astype(x.dtype, copy=False)


def error_function(x: Array) -> Array:
    """erf, which NumPy lacks."""
    return torch.erf(torch.from_numpy(np.array(x))).numpy()


def _modulo_two(operation: Operation) -> Operation:
    """Integer arithmetic of bools is arithmetic modulo two, where NumPy's is logic."""

    def apply(left: Array, right: Array) -> Array:
        if left.dtype != np.bool_:
            return operation(left, right)
        return (operation(left.view(np.uint8), right.view(np.uint8)) & 1).astype(np.bool_)

    return apply


def _unordered(operation: Operation) -> Operation:
    return lambda left, right: operation(left, right) | np.isnan(left) | np.isnan(right)


def _ordered_differ(left: Array, right: Array) -> Array:
    return (left < right) | (left > right)


FLOAT_OPERATIONS: Final[dict[str, Operation]] = {
    "fadd": np.add,
    "fsub": np.subtract,
    "fmul": np.multiply,
    "fdiv": np.divide,
    "precise_divf": np.divide,
    "frem": np.fmod,
    "minimumf": np.minimum,
    "maximumf": np.maximum,
    "minnumf": np.fmin,
    "maxnumf": np.fmax,
    "fma": fused_multiply_add,
    "fabs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log2": np.log2,
    "sin": np.sin,
    "cos": np.cos,
    "sqrt": np.sqrt,
    "precise_sqrt": np.sqrt,
    "rsqrt": lambda x: x.dtype.type(1) / np.sqrt(x),
    "erf": error_function,
}

FLOAT_COMPARISONS: Final[dict[str, Operation]] = {
    "OEQ": np.equal,
    "ONE": _ordered_differ,
    "OLT": np.less,
    "OLE": np.less_equal,
    "OGT": np.greater,
    "OGE": np.greater_equal,
    "UEQ": _unordered(np.equal),
    "UNE": np.not_equal,
    "ULT": _unordered(np.less),
    "ULE": _unordered(np.less_equal),
    "UGT": _unordered(np.greater),
    "UGE": _unordered(np.greater_equal),
}

SIGNED_OPERATIONS: Final[dict[str, Operation]] = {
    "add": _modulo_two(np.add),
    "sub": _modulo_two(np.subtract),
    "mul": _modulo_two(np.multiply),
    "sdiv": quotient,
    "srem": remainder,
    "minsi": np.minimum,
    "maxsi": np.maximum,
    "ashr": np.right_shift,
    "shl": np.left_shift,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "iabs": np.abs,
}

UNSIGNED_OPERATIONS: Final[dict[str, Operation]] = {
    "udiv": quotient,
    "urem": remainder,
    "minui": np.minimum,
    "maxui": np.maximum,
    "lshr": np.right_shift,
    "umulhi": high_product,
}

SIGNED_COMPARISONS: Final[dict[str, Operation]] = {
    "EQ": np.equal,
    "NE": np.not_equal,
    "SLT": np.less,
    "SLE": np.less_equal,
    "SGT": np.greater,
    "SGE": np.greater_equal,
}

UNSIGNED_COMPARISONS: Final[dict[str, Operation]] = {
    "ULT": np.less,
    "ULE": np.less_equal,
    "UGT": np.greater,
    "UGE": np.greater_equal,
}


class Arithmetic(InterpreterBuilder):  # type: ignore[misc]  # Triton has no type information
    """The element-wise part of the builder; the tables above become its `create_*` methods."""

    def create_clampf(self, value: Any, low: Any, high: Any, propagate_nan: Any) -> Any:
        """Clamp floats; NaN stays when `propagate_nan` says so, and becomes `low` otherwise."""
        keep = propagate_nan == PropagateNan.ALL
        least, most = (np.minimum, np.maximum) if keep else (np.fmin, np.fmax)
        return _float_result(lambda x, a, b: least(most(x, a), b), (value, low, high))

    def create_dot(self, a: Any, b: Any, acc: Any, input_precision: Any, imprecise: Any) -> Any:
        """`a @ b + acc`, accumulated in acc's type or wider; tf32 is computed as full float32."""
        del input_precision, imprecise
        # Sums of products of int8 are exact in float64, whose products are much faster than NumPy's of integers.
        wide = {"fp16": np.float32, "int32": np.float64}.get(acc.dtype.name, acc.data.dtype)
        left = decode(a.data, a.dtype).astype(wide, copy=False)
        right = decode(b.data, b.dtype).astype(wide, copy=False)
        product = np.matmul(left, right)
        if acc.dtype.is_int():
            return TensorHandle(product.astype(np.int64).astype(np.int32) + acc.data, acc.dtype)
        total = product + decode(acc.data, acc.dtype)
        return TensorHandle(encode(total, acc.dtype), acc.dtype)

    def create_histogram(self, data: Any, bins: int, mask: Any) -> Any:
        """Counts of the integers 0 to bins - 1; masked and other elements are not counted."""
        values = data.data.ravel()
        counted = (values >= 0) & (values < bins)
        if mask is not None:
            counted &= mask.data.ravel()
        return TensorHandle(np.bincount(values[counted], minlength=bins).astype(np.int32), tl.int32)


def _float_result(operation: Operation, operands: tuple[Any, ...]) -> Any:
    dtype = operands[0].dtype.scalar
    values = operation(*(decode(operand.data, operand.dtype.scalar) for operand in operands))
    return TensorHandle(encode(values, dtype), dtype)


def _float_method(operation: Operation) -> Callable[..., Any]:
    def create(_: Arithmetic, *operands: Any) -> Any:
        return _float_result(operation, operands)

    return create


def _float_comparison(operation: Operation) -> Callable[..., Any]:
    def create(_: Arithmetic, left: Any, right: Any) -> Any:
        values = operation(
            decode(left.data, left.dtype.scalar), decode(right.data, right.dtype.scalar)
        )
        return TensorHandle(values, tl.int1)

    return create


def _integer_method(operation: Operation, read: Callable[[Array], Array]) -> Callable[..., Any]:
    def create(_: Arithmetic, *operands: Any) -> Any:
        values = operation(*(read(operand.data) for operand in operands))
        return TensorHandle(signed(values), operands[0].dtype.scalar)

    return create


def _integer_comparison(operation: Operation, read: Callable[[Array], Array]) -> Callable[..., Any]:
    def create(_: Arithmetic, left: Any, right: Any) -> Any:
        return TensorHandle(operation(read(left.data), read(right.data)), tl.int1)

    return create


def _methods() -> dict[str, Callable[..., Any]]:
    methods = {f"create_{name}": _float_method(op) for name, op in FLOAT_OPERATIONS.items()}
    for name, op in FLOAT_COMPARISONS.items():
        methods[f"create_fcmp{name}"] = _float_comparison(op)
    for name, op in SIGNED_OPERATIONS.items():
        methods[f"create_{name}"] = _integer_method(op, signed)
    for name, op in UNSIGNED_OPERATIONS.items():
        methods[f"create_{name}"] = _integer_method(op, unsigned)
    for name, op in SIGNED_COMPARISONS.items():
        methods[f"create_icmp{name}"] = _integer_comparison(op, signed)
    for name, op in UNSIGNED_COMPARISONS.items():
        methods[f"create_icmp{name}"] = _integer_comparison(op, unsigned)
    return methods


for _name, _method in _methods().items():
    setattr(Arithmetic, _name, _method)
