"""What each loop of a Program does, as choices of a config see it: some become pipelines, some are unrolled.

In: a Program. Out: a tree of regions, one for each grid, with one inside it for each loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.fields import blocks, operands, results
from helion_compiler.program.ops import Dot, Fold, Load, Loop, Permute, Reduce, Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from helion_compiler.program.ops import Block, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Value


@attrs.frozen(eq=False, kw_only=True)
class Region:
    """A loop, or a grid, whose ``axes`` then are empty: what it does itself, and the loops inside it.

    ``name`` is that of its parameters. ``streamed`` are loads that products beside them read, ``loaded`` all others;
    ``formed`` are factors of products that come from elsewhere, but for left ones that are ``computed`` beside the
    product, ``reduced`` is what is reduced, ``own`` all ops but loops.
    """

    name: str
    axes: tuple[Axis, ...]
    streamed: tuple[Load, ...]
    loaded: tuple[Load, ...]
    formed: tuple[Value, ...]
    computed: tuple[Value, ...]
    reduced: tuple[Value, ...]
    stores: tuple[Store, ...]
    products: tuple[Dot, ...]
    own: tuple[Op, ...]
    inner: tuple[Region, ...]

    def everywhere(self) -> Iterator[Region]:
        """This region and those inside it."""
        yield self
        for region in self.inner:
            yield from region.everywhere()

    def stages(self, point: Mapping[str, Any]) -> int:
        """The depth of its pipeline."""
        return self.own_stages(point) or int(point.get("num_stages") or 1)

    def own_stages(self, point: Mapping[str, Any]) -> int:
        """The depth that this loop asks for by itself; 0 if it does not."""
        return int(point.get(f"range_num_stages[{self.name}]", 0))

    def unrolled(self, point: Mapping[str, Any]) -> int:
        """How many turns one turn of the unrolled loop does."""
        return max(int(point.get(f"range_unroll_factors[{self.name}]", 0)), 1)

    def is_flattened(self, point: Mapping[str, Any]) -> bool:
        """Whether the turns of a loop inside it follow each other in one loop."""
        return bool(point.get(f"range_flattens[{self.name}]", False))

    def is_static(self, point: Mapping[str, Any]) -> bool:
        """Whether all turns are written one after the other."""
        return bool(point.get(f"static_ranges[{self.name}]", False))


def regions(program: Program) -> tuple[Region, ...]:
    """The region of each grid."""
    names = dict(zip(map(id, program.loops()), program.loop_names(), strict=True))
    return tuple(
        _region(grid.body, name, (), names)
        for grid, name in zip(program.grids, program.grid_names(), strict=True)
    )


def _region(block: Block, name: str, axes: tuple[Axis, ...], names: Mapping[int, str]) -> Region:
    ops = list(_own(block))
    products = tuple(op for op in ops if isinstance(op, Dot))
    factors = tuple(dict.fromkeys(value for op in products for value in (op.lhs, op.rhs)))
    streamed = _streamed(ops, factors)
    loads = [op for op in ops if isinstance(op, Load) and op.result.type.shape]
    brought = _with_transposes(ops, {op.result for op in streamed})
    others = [value for value in factors if value not in brought]
    here = {value for op in ops for value in results(op)} - {op.rhs for op in products}
    return Region(
        name=name,
        axes=axes,
        streamed=tuple(op for op in loads if op in streamed),
        loaded=tuple(op for op in loads if op not in streamed),
        formed=tuple(value for value in others if value not in here),
        computed=tuple(value for value in others if value in here),
        reduced=tuple(op.operand for op in ops if isinstance(op, Reduce)),
        stores=tuple(op for op in ops if isinstance(op, Store)),
        products=products,
        own=tuple(op for op in ops if not isinstance(op, Loop)),
        inner=tuple(
            _region(op.body, names[id(op)], op.axes, names) for op in ops if isinstance(op, Loop)
        ),
    )


def _own(block: Block) -> Iterator[Op]:
    """The ops of a block, and of blocks inside it that are no loops over tiles."""
    for op in block.ops:
        yield op
        if not isinstance(op, Loop | Fold):
            for inner in blocks(op):
                yield from _own(inner)


def _with_transposes(ops: Sequence[Op], values: set[Value]) -> set[Value]:
    """Values, and transposes of them, which products read where the values are."""
    found = set(values)
    for op in ops:
        if isinstance(op, Permute) and op.operand in found:
            found.add(op.result)
    return found


def _streamed(ops: Sequence[Op], factors: Sequence[Value]) -> set[Load]:
    """The loads that products read, through whatever else computes with them."""
    wanted = set(factors)
    found: set[Load] = set()
    for op in reversed(ops):
        if wanted.isdisjoint(results(op)):
            continue
        if isinstance(op, Load):
            found.add(op)
            wanted |= set(operands(op))
        elif not isinstance(op, Dot | Loop):
            wanted |= set(operands(op))
    return found
