"""What ptxas 12.8, of Triton 3.6 and 3.7, gets wrong for sm_90: products that follow products with wider operands.

Warp groups read factors of products from shared memory by descriptors: the address, and a constant for how wide rows
are there, up to 128 bytes. Factors that are not copied ahead lie at constant addresses, often where those of a product
before them have been; LLVM then computes the address once. Where the later rows are narrower, ptxas adds their constant
to a register that nothing on the way has written. ``cuobjdump -sass`` shows it in 35 such kernels, of products of one
turn, of loops one behind the other and outside of loops, and in none of 181 whose rows get no narrower or whose
addresses differ. An H200 computed wrong results of examples/squeeze_and_excite.py (``benchmarks/space_correctness``)
and of three configs of kernels written for the purpose, and ended with an illegal access where the loop over tiles was
unrolled in addition; with more stages, with rows that get no narrower and with few
descriptors, these were right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.constraints import Constraint
from helion_compiler.program.fields import made_by
from helion_compiler.program.neighbours import Neighbours
from helion_compiler.program.ops import Dot
from helion_compiler.program.views import loaded_by
from helion_compiler.scheduling.warp_roles import GROUP_ROWS, GROUP_WARPS
from helion_compiler.space.access_modes import mode_of
from helion_compiler.space.persistence import PERSISTENT
from helion_compiler.space.regions import regions
from helion_compiler.space.space_part import SpacePart
from helion_compiler.space.wide_loads import wide_loads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from helion_compiler.program.ops import Load, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size, Value
    from helion_compiler.space.point_lanes import PointLanes
    from helion_compiler.space.regions import Region
    from helion_compiler.space.target_traits import TargetTraits
    from helion_compiler.space.tile_counts import TileCounts

_ARCHITECTURE = 90
_GROUP_COLUMNS = 256
_STEP = 32
"""Bytes along the sum that an instruction multiplies."""
_WIDEST = 128
"""Bytes of a row that a descriptor tells apart at most."""
_TRANSPOSABLE = 2
"""Bytes of an element that instructions take from rows in either direction."""
_FEW = 2
"""Descriptors of an operand that ptxas gets right: it makes others from the second one."""


def narrowing_operands(
    program: Program, lanes: PointLanes, counts: TileCounts, traits: TargetTraits
) -> SpacePart:
    """One demand for all products of a Program; none for other targets."""
    if traits.architecture != _ARCHITECTURE:
        return SpacePart()
    products = tuple(_products(program))
    if len(products) < 2:
        return SpacePart()
    reason = (
        "products of warp groups that are not pipelined (one stage or turn, `static_ranges`, turns that unrolling "
        "leaves over) may not follow others that have wider rows in shared memory, up to 128 bytes: ptxas takes their "
        "addresses from a register that holds nothing; fewer than 4 warps, or than 64 rows, are no warp groups"
    )
    order = _Order(products, lanes, counts)
    return SpacePart(demands=[Constraint("narrowing operands", reason, order.is_right)])


@attrs.frozen
class _Operand:
    """A factor in shared memory, ``lines`` by ``depth`` along the sum, and the load that it is a view of, if any.

    ``row`` is the one of these whose lanes are neighbours; ``wide`` says whether a pipeline takes the load whatever
    does it.
    """

    row: Size
    lines: Size
    depth: Size
    is_left: bool
    itemsize: int
    load: Load | None
    wide: bool

    def is_copied_ahead(self, point: Mapping[str, Any]) -> bool:
        """Whether a pipeline brings it."""
        if self.load is None:
            return False
        return self.wide or point.get(mode_of(self.load)) == "tensor_descriptor"


@attrs.frozen
class _Product:
    """A product of a region of a grid: its rows, and its factors in shared memory."""

    grid: Region
    region: Region
    rows: Size
    operands: tuple[_Operand, ...]


def _products(program: Program) -> Iterator[_Product]:
    """Those of a Program, in source order."""
    homes = {
        op: (grid, region)
        for grid in regions(program)
        for region in grid.everywhere()
        for op in region.products
    }
    makers = made_by(program.walk())
    neighbours, wide = Neighbours(program), wide_loads(program)
    for op in program.walk():
        if isinstance(op, Dot) and op in homes:
            found = [
                _operand(value, op, makers, neighbours, wide)
                for value in (op.lhs, op.rhs)
                if value is op.rhs
                or loaded_by(value, makers)  # a computed left one is in registers
            ]
            yield _Product(*homes[op], op.sizes[0], tuple(found))


def _operand(
    value: Value,
    product: Dot,
    makers: Mapping[Value, Op],
    neighbours: Neighbours,
    wide: frozenset[Load],
) -> _Operand:
    """The operand that ``value`` is: one of other than 2 bytes is put to shared memory along the sum."""
    load = loaded_by(value, makers)
    rows, depth, columns = product.sizes
    row, itemsize = value.type.shape[-1], value.type.dtype.itemsize
    if itemsize != _TRANSPOSABLE:
        row = depth
    elif load is not None and neighbours.of(load) in (rows, depth, columns):
        row = neighbours.of(load)
    is_left = value is product.lhs
    lines = rows if is_left else columns
    return _Operand(row, lines, depth, is_left, itemsize, load, load in wide)


@attrs.frozen
class _Order:
    products: tuple[_Product, ...]
    lanes: PointLanes
    counts: TileCounts

    def is_right(self, point: Mapping[str, Any]) -> bool:
        """Whether the rows of what is not copied ahead get no narrower."""
        if int(point["num_warps"]) < GROUP_WARPS:
            return True
        widest = 0
        for product in self.products:
            operands = self._in_place(product, point)
            if any(
                self._width(one, point) < widest and self._are_many(one, point) for one in operands
            ):
                return False
            widest = max([widest, *(self._width(one, point) for one in operands)])
        return True

    def _in_place(self, product: _Product, point: Mapping[str, Any]) -> Sequence[_Operand]:
        """The factors of a warp group's product that lie at constant addresses."""
        if self.lanes.of(product.rows, point) < GROUP_ROWS:
            return ()
        # Of the copies that unrolling makes of loops inside of the loop over tiles, not all are where the first one is.
        copied = point["pid_type"] in PERSISTENT and product.grid.unrolled(point) > 1
        pipelined = self._is_pipelined(product.region, point) and not copied
        if pipelined and any(one.is_copied_ahead(point) for one in product.operands):
            return ()  # where others lie follows from how many stages there are
        return product.operands

    def _width(self, operand: _Operand, point: Mapping[str, Any]) -> int:
        """The bytes of a row, as far as descriptors tell them apart."""
        return min(self.lanes.of(operand.row, point) * operand.itemsize, _WIDEST)

    def _are_many(self, operand: _Operand, point: Mapping[str, Any]) -> bool:
        """Whether it takes more descriptors than ptxas gets right."""
        steps = max(self.lanes.of(operand.depth, point) * operand.itemsize // _STEP, 1)
        groups = int(point["num_warps"]) // GROUP_WARPS
        together = GROUP_ROWS * groups if operand.is_left else _GROUP_COLUMNS
        return steps * max(self.lanes.of(operand.lines, point) // together, 1) > _FEW

    def _is_pipelined(self, region: Region, point: Mapping[str, Any]) -> bool:
        if not region.axes or region.is_static(point) or region.stages(point) == 1:
            return False
        turns, together = self.counts.of_all(region.axes, point), region.unrolled(point)
        if turns is None:
            return together == 1
        return turns > together and turns % together == 0
