"""`tl.reduce` and `tl.associative_scan`, on whole blocks at a time.

In: tensors, an axis, and a combine function that takes and gives tensors. Out: tensors.
A block of n elements along the axis takes log2(n) calls of the combine function, each on half of what is left
(reductions) or on everything (scans, after Kogge and Stone, "A Parallel Algorithm for the Efficient Solution
of a General Class of Recurrence Equations", 1973). Sums, products and extrema need no calls:
small floats are summed in float32 and rounded once.
Assumed: the combine function is associative, as Triton demands, and lengths are powers of two.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import triton.language as tl
from triton.language import standard
from triton.runtime.interpreter import TensorHandle

from helion_compiler.interpreting.formats import Array, decode, encode

Combine = Callable[..., Any]

# By the function that Triton's own standard library reduces with: `tl.sum`, `tl.max` and `tl.min`.
_REDUCTIONS: Final[dict[int, Any]] = {
    id(standard._sum_combine.fn): np.add,
    id(standard._elementwise_max.fn): np.fmax,
    id(standard._elementwise_min.fn): np.fmin,
}
_SCANS: Final[dict[int, Any]] = {
    id(standard._sum_combine.fn): np.add,
    id(standard._prod_combine.fn): np.multiply,
}


def reduced(
    tensors: Sequence[Any], axis: int | None, combine: Combine, *, source: object, keep_dims: bool
) -> tuple[Any, ...]:
    """Tensors reduced along an axis, or altogether if it is None; `source` is the Python combine function."""
    rank = len(tensors[0].shape)
    blocks = [tensor.handle.data for tensor in tensors]
    fronts = [_to_front(block, axis) for block in blocks]
    dtypes = [tensor.dtype for tensor in tensors]
    if id(source) in _REDUCTIONS and not _is_bool_or_unsigned(dtypes[0]):
        results = [_along_front(_REDUCTIONS[id(source)].reduce, fronts[0], dtypes[0])]
    else:
        results = [front[0] for front in _folded(fronts, dtypes, combine)]
    if keep_dims:
        kept = tuple(range(rank)) if axis is None else (axis % rank,)
        results = [np.expand_dims(result, kept) for result in results]
    return tuple(map(tensor_of, results, dtypes))


def scanned(
    tensors: Sequence[Any], axis: int, combine: Combine, *, source: object, reverse: bool
) -> tuple[Any, ...]:
    """Inclusive prefixes of tensors along an axis, from its end if `reverse`."""
    step = -1 if reverse else 1
    fronts = [_to_front(tensor.handle.data, axis)[::step] for tensor in tensors]
    dtypes = [tensor.dtype for tensor in tensors]
    if id(source) in _SCANS and not _is_bool_or_unsigned(dtypes[0]):
        results = [_along_front(_SCANS[id(source)].accumulate, fronts[0], dtypes[0])]
    else:
        results = _prefixes(fronts, dtypes, combine)
    return tuple(
        tensor_of(np.ascontiguousarray(np.moveaxis(result[::step], 0, axis)), dtype)
        for result, dtype in zip(results, dtypes, strict=True)
    )


def tensor_of(data: Array, dtype: Any) -> Any:
    """A Triton tensor of bits: a block, or a scalar if the data has no dimensions."""
    handle = TensorHandle(data if data.ndim else data.reshape(1), dtype)
    return tl.tensor(handle, tl.block_type(dtype, list(data.shape)) if data.ndim else dtype)


def _is_bool_or_unsigned(dtype: Any) -> bool:
    """Whether NumPy's operations on the signless data would mean something else."""
    return bool(dtype.is_bool() or dtype.is_int_unsigned())


def _to_front(data: Array, axis: int | None) -> Array:
    return data.reshape(-1) if axis is None else np.moveaxis(data, axis, 0)


def _along_front(operation: Any, front: Array, dtype: Any) -> Array:
    if not dtype.is_floating():
        return np.asarray(operation(front, axis=0, dtype=front.dtype))
    return encode(np.asarray(operation(decode(front, dtype), axis=0)), dtype)


def _called(combine: Combine, operands: Sequence[Any]) -> list[Array]:
    result = combine(*operands)
    results = result if isinstance(result, tuple | tl.tuple) else (result,)
    return [tensor.handle.data for tensor in results]


def _folded(blocks: Sequence[Array], dtypes: Sequence[Any], combine: Combine) -> list[Array]:
    """Blocks of length one along the front, by combining neighbours in order."""
    remaining = list(blocks)
    while remaining[0].shape[0] > 1:
        left = [
            tensor_of(block[0::2], dtype) for block, dtype in zip(remaining, dtypes, strict=True)
        ]
        right = [
            tensor_of(block[1::2], dtype) for block, dtype in zip(remaining, dtypes, strict=True)
        ]
        remaining = _called(combine, [*left, *right])
    return remaining


def _prefixes(blocks: Sequence[Array], dtypes: Sequence[Any], combine: Combine) -> list[Array]:
    current = [np.ascontiguousarray(block) for block in blocks]
    length, distance = current[0].shape[0], 1
    while distance < length:
        # Triton's blocks have powers of two, so the front is combined too and then left as it was.
        earlier = [np.concatenate([block[:distance], block[:-distance]]) for block in current]
        left = [tensor_of(block, dtype) for block, dtype in zip(earlier, dtypes, strict=True)]
        right = [tensor_of(block, dtype) for block, dtype in zip(current, dtypes, strict=True)]
        combined = _called(combine, [*left, *right])
        current = [
            np.concatenate([block[:distance], new[distance:]])
            for block, new in zip(current, combined, strict=True)
        ]
        distance *= 2
    return current
