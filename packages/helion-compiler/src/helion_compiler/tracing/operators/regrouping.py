"""Reshapes that split and merge dimensions of more than one index.

Triton reshapes lanes, and lanes are padded to powers of two. That agrees with reshaping indices where tiles are
merged (the merged dimension remembers what it is made of), where merged ones are taken apart again, and where
every number after the first of a group is a power of two. Whatever else is known before the kernel runs is done
by picking each lane from where its index lies.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs
import sympy

from helion import exc
from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.program.ops import Reshape
from helion_compiler.tracing.iota import iota
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.operators.lanes import pick

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from helion_compiler.tracing.state import Trace

Sizes = tuple[Any, ...]


@attrs.frozen
class Group:
    """Neighbouring dimensions that together become neighbouring dimensions."""

    before: Sizes
    after: Sizes


def regroup(trace: Trace, operand: torch.Tensor, target: Sizes) -> torch.Tensor:
    """``operand`` with the sizes ``target``; neither has dimensions of size 1, and their products are equal."""
    _agree_on_products(trace, operand, target)
    target = tuple(trace.symbols.expression(trace.symbols.value(size)) for size in target)
    dim = 0
    for group in groups(trace.sizes_of(operand), target):
        if group.before != group.after:
            operand = _change(trace, operand, dim, group)
        dim += len(group.after)
    return operand


def _agree_on_products(trace: Trace, operand: torch.Tensor, target: Sizes) -> None:
    """Make sure that the guard says of sizes of the call alone that they are equal.

    torch asks whether all elements are as many, the lanes of tiles included, and of tiles nothing is guarded.
    """
    ratio = sympy.cancel(sympy.Mul(*target) / sympy.Mul(*trace.sizes_of(operand)))
    if ratio == 1 or (
        trace.symbols.agree(*([part] for part in sympy.fraction(ratio)))
        and sympy.cancel(_settled(trace, ratio)) == 1
    ):
        return
    raise _refused(
        f"{trace.describe(operand)} has as many elements as {trace.body.describe(target)} "
        "in this call alone"
    )


def _parts_of(trace: Trace, size: Any) -> Sizes:
    """What a dimension was merged from, by what the guard knows by now; itself if it was not."""
    for merged, parts in trace.body.products.items():
        if _settled(trace, merged) == _settled(trace, size):
            return tuple(_settled(trace, part) for part in parts)
    return (size,)


def _settled(trace: Trace, size: Any) -> Any:
    """``size`` with what the guard knows by now."""
    return size if isinstance(size, int) else _number(size.xreplace(trace.symbols.equalities()))


def _number(size: Any) -> Any:
    return int(size) if size.is_Integer else size


def groups(before: Sizes, after: Sizes) -> list[Group]:
    """The finest groups of neighbours with equal products."""
    found: list[Group] = []
    left, right = list(before), list(after)
    while left or right:
        own, wanted = left[:1], right[:1]
        del left[:1], right[:1]
        while (ratio := sympy.cancel(sympy.Mul(*wanted) / sympy.Mul(*own))) != 1:
            _, denominator = sympy.fraction(ratio)
            grow = ratio > 1 if ratio.is_number else denominator.is_number
            source, into = (left, own) if (grow and left) or not right else (right, wanted)
            into.append(source.pop(0))
        found.append(Group(tuple(own), tuple(wanted)))
    return found


def _change(trace: Trace, operand: torch.Tensor, dim: int, group: Group) -> torch.Tensor:
    products = trace.body.products
    before = tuple(part for size in group.before for part in _parts_of(trace, size))
    after = tuple(part for size in group.after for part in _parts_of(trace, size))
    known = all(isinstance(size, int) for size in (*before, *after))
    if known and not (_aligned(before) and _aligned(after)):
        return _repack(trace, operand, dim, group)
    if not known and all(map(trace.symbols.is_host, (*before, *after))):
        # A dimension of this size may lie otherwise elsewhere, where nothing was merged.
        if not (_aligned(before) and _aligned(after)):
            raise _refused(
                f"{trace.body.describe(group.before)} becomes {trace.body.describe(group.after)}, and "
                "where its elements lie depends on sizes that only the call tells; `hl.specialize` them"
            )
        return _reshape(trace, operand, dim, len(group.before), group.after)
    if len(group.after) == 1 and not known:
        products.setdefault(group.after[0], before)
        merged = _parts_of(trace, group.after[0])
        if merged != before:  # two orders of lanes in one dimension, of which a mask knows one
            raise _refused(
                f"{trace.body.describe(before)} would be merged into a dimension that "
                f"{trace.body.describe(merged)} was merged into before, where lanes lie otherwise"
            )
    elif not known and before != after:
        raise _refused(
            f"{trace.body.describe(group.before)} cannot become {trace.body.describe(group.after)}: "
            "sizes of tiles may be merged, and taken apart as they were merged"
        )
    return _reshape(trace, operand, dim, len(group.before), group.after)


def _refused(reason: str) -> exc.UnsupportedOperator:
    return exc.UnsupportedOperator(span=here(), operator="torch.reshape", reason=reason)


def _aligned(sizes: Sizes) -> bool:
    """Whether lanes lie as indices do: no padding after the first dimension."""
    return all(isinstance(size, int) and next_power_of_two(size) == size for size in sizes[1:])


def _reshape(
    trace: Trace, operand: torch.Tensor, dim: int, width: int, sizes: Sequence[Any]
) -> torch.Tensor:
    """The lanes of ``width`` dimensions from ``dim`` on as dimensions of other sizes."""
    own = trace.sizes_of(operand)
    result = trace.fake((*own[:dim], *sizes, *own[dim + width :]), operand.dtype)
    value = trace.value_of(operand)
    trace.body.append(
        Reshape(result=trace.new_value(result, "reshape"), operand=value, location=location())
    )
    return result


def _repack(trace: Trace, operand: torch.Tensor, dim: int, group: Group) -> torch.Tensor:
    """All lanes in one row, from which each lane of the result picks the one that holds its index."""
    lanes_before = [next_power_of_two(size) for size in group.before]
    lanes_after = [next_power_of_two(size) for size in group.after]
    row = _reshape(trace, operand, dim, len(group.before), (math.prod(lanes_before),))
    with trace.listening():
        index = _ravel(_unravel(iota(trace, math.prod(lanes_after)), lanes_after), group.after)
        place = _ravel(_unravel(index, group.before), lanes_before)
        shape = [-1 if i == dim else 1 for i in range(row.ndim)]
        picked = pick(trace, row, place.reshape(shape), dim)
    return _reshape(trace, picked, dim, 1, group.after)


def _unravel(index: torch.Tensor, sizes: Sequence[int]) -> list[torch.Tensor]:
    """The position of each row-major index along each dimension; the first is left open upwards."""
    positions: list[torch.Tensor] = []
    for size in reversed(sizes[1:]):
        positions.append(index % size)
        index = index // size
    return [index, *reversed(positions)]


def _ravel(positions: Sequence[torch.Tensor], sizes: Sequence[int]) -> torch.Tensor:
    index = positions[0]
    for position, size in zip(positions[1:], sizes[1:], strict=True):
        index = index * size + position
    return index
