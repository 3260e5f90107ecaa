"""What loops sum of matrix products: values that they carry, and that nothing but products adds to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.fields import operands
from helion_compiler.program.ops import Dot
from helion_compiler.program.sources import free_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helion_compiler.program.ops import Loop, Op
    from helion_compiler.program.types import Value


@attrs.frozen(eq=False)
class SumOfProducts:
    """One value that a loop carries, by its position; in each turn ``products`` add to it, one after the other."""

    position: int
    products: tuple[Dot, ...]


def sums_of_products(loop: Loop) -> Iterator[SumOfProducts]:
    """The sums of a loop that is about them alone: what they are in between is only added to, in its own dtype."""
    body = loop.body
    readers: dict[Value, list[Op]] = {}
    for op in body.ops:
        for value in {*operands(op), *free_values(op)}:
            readers.setdefault(value, []).append(op)
    yielded = Counter(body.yields)
    for position, value in enumerate(loop.parameters):
        products = _chain(value, body.yields[position], readers, yielded)
        if products:
            yield SumOfProducts(position, products)


def _chain(
    carried: Value, last: Value, readers: Mapping[Value, list[Op]], yielded: Mapping[Value, int]
) -> tuple[Dot, ...]:
    """The products that lead from one value of a turn to the one that it hands on; none if others read either."""
    chain: list[Dot] = []
    while carried is not last or not chain:
        reading = readers.get(carried, [])
        if len(reading) != 1 or yielded.get(carried):
            return ()
        (op,) = reading
        if not isinstance(op, Dot) or not _adds_to(op, carried):
            return ()
        chain.append(op)
        carried = op.result
    return tuple(chain) if not readers.get(last) and yielded[last] == 1 else ()


def _adds_to(op: Dot, value: Value) -> bool:
    """Whether a product adds to a value in place."""
    dtypes = {value.type.dtype, op.result.type.dtype, op.accumulate}
    return op.accumulator is value and value not in (op.lhs, op.rhs) and len(dtypes) == 1
