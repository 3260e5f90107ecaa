"""What atomics do to memory, and in which turns when elements of a block share an address.

In: Triton's kinds of atomics and the addresses of a block. Out: functions on bits, and groups of elements.
Assumed: programs run one after another, so an atomic is a read, an operation and a write.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from triton._C.libtriton import ir

from helion_compiler.interpreting.arithmetic import signed, unsigned
from helion_compiler.interpreting.formats import Array, decode, encode

Combine = Callable[[Array, Array], Array]

_FLOATS: Final[dict[Any, Combine]] = {
    ir.ATOMIC_OP.FADD: np.add,
    ir.DESCRIPTOR_REDUCE_KIND.ADD: np.add,
    ir.DESCRIPTOR_REDUCE_KIND.MIN: np.fmin,
    ir.DESCRIPTOR_REDUCE_KIND.MAX: np.fmax,
}

_INTEGERS: Final[dict[Any, Combine]] = {
    ir.ATOMIC_OP.ADD: np.add,
    ir.ATOMIC_OP.MIN: np.minimum,
    ir.ATOMIC_OP.MAX: np.maximum,
    ir.ATOMIC_OP.AND: np.bitwise_and,
    ir.ATOMIC_OP.OR: np.bitwise_or,
    ir.ATOMIC_OP.XOR: np.bitwise_xor,
    ir.DESCRIPTOR_REDUCE_KIND.ADD: np.add,
    ir.DESCRIPTOR_REDUCE_KIND.MIN: np.minimum,
    ir.DESCRIPTOR_REDUCE_KIND.MAX: np.maximum,
    ir.DESCRIPTOR_REDUCE_KIND.AND: np.bitwise_and,
    ir.DESCRIPTOR_REDUCE_KIND.OR: np.bitwise_or,
    ir.DESCRIPTOR_REDUCE_KIND.XOR: np.bitwise_xor,
}

_UNSIGNED: Final[dict[Any, Combine]] = {
    ir.ATOMIC_OP.UMIN: np.minimum,
    ir.ATOMIC_OP.UMAX: np.maximum,
}


def combination(kind: Any, dtype: Any, *, is_signed: bool = True) -> Combine:
    """What an atomic makes of the bits in memory and the bits it is given, as bits of the same type.

    Triton orders floats by the integers of their bits, so the integer kinds take floats too.
    """
    if kind == ir.ATOMIC_OP.XCHG:
        return lambda _before, operand: operand
    if dtype.is_floating() and kind in _FLOATS:
        return _on_values(_FLOATS[kind], dtype)
    if kind in _UNSIGNED:
        return _on_integers(_UNSIGNED[kind], unsigned)
    if kind in _INTEGERS:
        return _on_integers(_INTEGERS[kind], signed if is_signed else unsigned)
    raise NotImplementedError(f"the interpreter has no atomic {kind} for {dtype}")


def turns(addresses: Array, active: Array) -> list[Array]:
    """Groups of positions, each address at most once in a group, equal addresses in their order."""
    positions = np.flatnonzero(active)
    if positions.size == 0:
        return []
    by_address = positions[np.argsort(addresses[positions], kind="stable")]
    ordered = addresses[by_address]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    lengths = np.diff(np.append(starts, ordered.size))
    rank = np.arange(ordered.size) - np.repeat(starts, lengths)
    by_rank = by_address[np.argsort(rank, kind="stable")]
    return np.split(by_rank, np.cumsum(np.bincount(rank))[:-1])


def _on_values(combine: Combine, dtype: Any) -> Combine:
    return lambda before, operand: encode(
        combine(decode(before, dtype), decode(operand, dtype)), dtype
    )


def _on_integers(combine: Combine, read: Callable[[Array], Array]) -> Combine:
    def apply(before: Array, operand: Array) -> Array:
        return combine(read(_bits(before)), read(_bits(operand))).view(before.dtype)

    return apply


def _bits(data: Array) -> Array:
    return data.view(f"int{8 * data.itemsize}") if data.dtype.kind == "f" else data
