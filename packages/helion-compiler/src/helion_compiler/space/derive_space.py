"""Derive the config space from a Program: which keys it has, which values, and which combinations
cannot run.

No dead dimensions: a parameter is in the space only if it can change the generated source or the
launch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from helion_autotune import Choice, Integer, Permutation, PowerOfTwo
from helion_autotune.constraints import Condition, Constraint
from helion_compiler.program.ops import Dot, Load, Reduce, Store, results
from helion_compiler.program.types import Size, TileSlice, whole_axis
from helion_compiler.scheduling.roll_reductions import NotRollable, roll_reductions
from helion_compiler.space.config_space import ConfigSpace, Exclusion, Site
from helion_compiler.space.descriptors import descriptor_block, why_no_descriptor
from helion_compiler.space.seeds import seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_autotune import Parameter
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis

MAX_NUMEL = 1 << 20
"""Triton refuses larger values."""
MAX_BLOCK = 1 << 16
MAX_DOT_BLOCK = 256
MAX_DOT_DEPTH = 128
MAX_ELEMENTS_PER_THREAD = 128
"""More lanes of one value per thread, counting unrolled iterations, spill registers on every GPU
and compile for minutes.
"""
PERSISTENT = ("persistent_blocked", "persistent_interleaved")


def derive_space(program: Program, aligned: frozenset[int] | None = None) -> ConfigSpace:
    """The config space of ``program`` for calls whose arguments in ``aligned`` are; None means all of them."""
    return _Deriver(program, aligned).space()


class _Deriver:
    def __init__(self, program: Program, aligned: frozenset[int] | None) -> None:
        self._program = program
        self._aligned = aligned
        self._excluded: list[Exclusion] = []
        self._conditions: dict[str, Condition] = {}
        self._low = _lower_bounds(program)
        self._names = {
            block.symbol: f"block_sizes[{block.name}]"
            for block in program.blocks
            if block.fixed is None
        }
        self._fixed = {
            block.symbol: block.fixed for block in program.blocks if block.fixed is not None
        }

    def space(self) -> ConfigSpace:
        program = self._program
        sites: dict[str, list[Site]] = {}
        sites["block_sizes"] = [
            Site(block.name, self._block_parameter(block), allowed=self._allowed_blocks(block))
            for block in program.blocks
            if block.fixed is None
        ]
        single: dict[str, Parameter] = {
            "num_warps": PowerOfTwo(1, 32, default=4),
            "pid_type": Choice(("flat", *PERSISTENT), default="flat"),
        }
        self._grid(sites)
        self._reductions(sites)
        self._ranges(sites)
        self._pipelining(single, sites["reduction_loops"])
        self._accesses(sites)
        self._excluded.append(
            Exclusion(
                "range_warp_specializes",
                "warp specialisation gave wrong results on Hopper with Triton 3.6, so it is left out",
            )
        )
        return ConfigSpace(
            kernel=program.name,
            single=single,
            sites={key: entries for key, entries in sites.items() if entries},
            conditions=self._conditions,
            demands=self._demands(sites),
            advice=self._advice(),
            excluded=tuple(self._excluded),
            seeds=seeds(program, self._low),
        )

    def _pipelining(self, single: dict[str, Parameter], reductions: list[Site]) -> None:
        """``num_stages`` matters where some loop runs: the author's, a rolled reduction's, or that
        over tiles.
        """
        if self._program.loops():
            single["num_stages"] = Integer(1, 8, default=2)
            return
        single["num_stages"] = Integer(1, 8, default=1)
        rolled = [
            f"reduction_loops[{site.name}]" for site in reductions if site.parameter is not None
        ]
        self._conditions["num_stages"] = Condition(
            "there is a loop to pipeline",
            lambda point: (
                point["pid_type"] != "flat" or any(point[name] is not None for name in rolled)
            ),
        )

    def _block_parameter(self, block: Any) -> Parameter:
        low = max(self._low.get(block.symbol, 1), block.low or 1)
        high = MAX_BLOCK
        if block.symbol in self._low:
            high = MAX_DOT_DEPTH if block.symbol in _contracted(self._program) else MAX_DOT_BLOCK
        high = min(high, block.high or high, 1 << max(block.size_hint - 1, 0).bit_length())
        high = max(high, low)
        return PowerOfTwo(low, high, default=min(max(32, low), high))

    def _allowed_blocks(self, block: Any) -> Parameter:
        """What an author may write: larger blocks than any search would try still give the right result."""
        low = max(self._low.get(block.symbol, 1), block.low or 1)
        high = max(block.high or MAX_BLOCK, low)
        return PowerOfTwo(low, high, default=self._block_parameter(block).default)

    def _grid(self, sites: dict[str, list[Site]]) -> None:
        axes = self._program.grid.axes
        if len(axes) < 2:
            for key in ("loop_orders", "l2_groupings"):
                self._excluded.append(Exclusion(key, "the grid has one dimension"))
            return
        identity = tuple(range(len(axes)))
        sites["loop_orders"] = [
            Site("grid", Permutation(len(axes), default=identity), neutral=list(identity))
        ]
        sites["l2_groupings"] = [Site("grid", PowerOfTwo(1, 64, default=1), neutral=1)]

    def _reductions(self, sites: dict[str, list[Site]]) -> None:
        entries: list[Site] = []
        for number, axis in enumerate(self._program.whole_axes()):
            name = f"whole_{number}"
            reason = self._why_not_rolled(axis)
            if reason is not None:
                self._excluded.append(Exclusion(f"reduction_loops[{name}]", reason))
                entries.append(Site(name, None, neutral=None, reason=reason))
                continue
            lanes = _padded_extent(self._program, axis.extent)
            steps = [1 << p for p in range(5, 16) if 1 << p < lanes]
            if steps:
                default = None if lanes <= MAX_BLOCK // 2 else 4096
                entries.append(Site(name, Choice((None, *steps), default=default)))
            else:
                entries.append(
                    Site(name, None, neutral=None, reason="it is short enough to be held whole")
                )
        sites["reduction_loops"] = entries

    def _why_not_rolled(self, axis: Axis) -> str | None:
        try:
            roll_reductions(self._program, axis, 32, 0)
        except NotRollable as error:
            return str(error)
        return None

    def _ranges(self, sites: dict[str, list[Site]]) -> None:
        """One entry for the persistent loop over tiles, then one for each inner loop."""
        loops = self._program.loops()
        names = ["grid", *self._program.loop_names()]
        optional = Choice((None, False, True), default=None)
        dots = [any(isinstance(op, Dot) for op in loop.body.ops) for loop in loops]
        no_dot = "the loop accumulates no matrix product"
        sites["range_unroll_factors"] = [
            Site(name, Integer(0, 4, default=0), neutral=0) for name in names
        ]
        sites["range_num_stages"] = [
            Site(name, Integer(0, 4, default=0), neutral=0) for name in names
        ]
        sites["range_multi_buffers"] = [
            Site("grid", None, reason=no_dot),
            *(
                Site(name, optional if dot else None, reason="" if dot else no_dot)
                for name, dot in zip(names[1:], dots, strict=True)
            ),
        ]
        nested = "there is no loop inside it to flatten with"
        sites["range_flattens"] = [
            Site("grid", optional if loops else None, reason="" if loops else nested),
            *(Site(name, None, reason=nested) for name in names[1:]),
        ]
        for key in ("range_unroll_factors", "range_num_stages", "range_flattens"):
            if any(site.name == "grid" and site.parameter is not None for site in sites[key]):
                self._conditions[f"{key}[grid]"] = _when_persistent()

    def _accesses(self, sites: dict[str, list[Site]]) -> None:
        entries = []
        for op in self._program.walk():
            if isinstance(op, Load | Store):
                reason = why_no_descriptor(self._program, op, self._aligned)
                if reason is None:
                    both = Choice(("pointer", "tensor_descriptor"), default="pointer")
                    entries.append(Site(op.name, both, neutral="pointer"))
                else:
                    self._excluded.append(Exclusion(f"indexing[{op.name}]", reason))
                    entries.append(Site(op.name, None, neutral="pointer", reason=reason))
        sites["indexing"] = entries

    # Constraints.

    def _lanes(self, point: Mapping[str, Any], size: Size, rolled: Mapping[Size, str]) -> int:
        if size in self._names:
            return int(point[self._names[size]])
        if size in self._fixed:
            return int(self._fixed[size] or 1)
        name = rolled.get(size)
        if name is not None and point[name] is not None:
            return int(point[name])
        return _padded_extent(self._program, size)

    def _rolled_names(self) -> dict[Size, str]:
        return {
            axis.size: f"reduction_loops[whole_{number}]"
            for number, axis in enumerate(self._program.whole_axes())
            if self._why_not_rolled(axis) is None
            and _padded_extent(self._program, axis.extent) > 32
        }

    def _largest(self) -> Callable[[Mapping[str, Any]], int]:
        shapes = {value.type.shape for op in self._program.walk() for value in results(op)}
        rolled = self._rolled_names()

        def largest(point: Mapping[str, Any]) -> int:
            return max(
                (math.prod(self._lanes(point, s, rolled) for s in shape) for shape in shapes),
                default=1,
            )

        return largest

    def _demands(self, sites: Mapping[str, list[Site]]) -> tuple[Constraint, ...]:
        largest = self._largest()
        demands = [
            Constraint(
                "numel",
                f"a value would have more than {MAX_NUMEL} elements, which Triton refuses",
                lambda point: largest(point) <= MAX_NUMEL,
            )
        ]
        by_name = {op.name: op for op in self._program.walk() if isinstance(op, Load | Store)}
        for site in sites.get("indexing", ()):
            if site.parameter is not None:
                demands.append(self._descriptor_demand(by_name[site.name]))
        return tuple(demands)

    def _descriptor_demand(self, op: Load | Store) -> Constraint:
        name = f"indexing[{op.name}]"
        rolled = self._rolled_names()
        itemsize = op.buffer.dtype.itemsize

        def holds(point: Mapping[str, Any]) -> bool:
            if point[name] != "tensor_descriptor":
                return True
            box = descriptor_block(op, lambda size: self._lanes(point, size, rolled))
            whole = all(
                self._covers(subscript, extent, lanes)
                for subscript, extent, lanes in zip(
                    op.subscripts, op.buffer.shape, box, strict=True
                )
            )
            return whole and max(box) <= 256 and box[-1] * itemsize >= 16

        return Constraint(
            f"descriptor of {op.name}",
            "a tensor descriptor's block has at most 256 elements per dimension, at least 16 bytes in the last, "
            "and ends where the tensor or the tile loop does",
            holds,
        )

    def _covers(self, subscript: Any, extent: Size, lanes: int) -> bool:
        """Whether reading beyond the tile loop's end cannot bring in what a mask would have hidden."""
        if not isinstance(subscript, TileSlice) or self._program.same(subscript.axis.end, extent):
            return True
        length = self._program.resolve(subscript.axis.extent)
        return isinstance(length, int) and length % lanes == 0

    def _advice(self) -> tuple[Constraint, ...]:
        largest = self._largest()
        advice = [
            Constraint(
                "registers",
                f"a thread would hold more than {MAX_ELEMENTS_PER_THREAD} elements of one value",
                lambda point: (
                    largest(point) * _unrolled(point)
                    <= MAX_ELEMENTS_PER_THREAD * 32 * int(point["num_warps"])
                ),
            )
        ]
        shared = self._shared_bytes()
        if shared is not None:
            advice.append(
                Constraint(
                    "shared memory",
                    "the operands of the pipelined matrix products would not fit 227 KiB of shared memory",
                    lambda point: shared(point) <= 227 * 1024,
                )
            )
        return tuple(advice)

    def _shared_bytes(self) -> Callable[[Mapping[str, Any]], int] | None:
        dots = [op for loop in self._program.loops() for op in loop.body.ops if isinstance(op, Dot)]
        if not dots:
            return None
        rolled = self._rolled_names()

        def shared(point: Mapping[str, Any]) -> int:
            def bytes_of(value: Any) -> int:
                lanes = math.prod(self._lanes(point, size, rolled) for size in value.type.shape)
                return int(lanes * value.type.dtype.itemsize)

            stages = max(int(point.get("num_stages", 1)) - 1, 1)
            return stages * max(bytes_of(op.lhs) + bytes_of(op.rhs) for op in dots)

        return shared


def _unrolled(point: Mapping[str, Any]) -> int:
    """How often the most unrolled loop repeats its body."""
    factors = (value for name, value in point.items() if name.startswith("range_unroll_factors["))
    return max((1, *factors))


def _when_persistent() -> Condition:
    return Condition(
        "only a persistent kernel loops over tiles", lambda point: point["pid_type"] in PERSISTENT
    )


def _padded_extent(program: Program, extent: Size) -> int:
    known = extent if isinstance(extent, int) else int(extent.subs(dict(program.symbol_hints)))
    return 1 << max(known - 1, 0).bit_length()


def _lower_bounds(program: Program) -> dict[Any, int]:
    """The least block of every size that enters a matrix product."""
    low: dict[Any, int] = {}
    for op in program.walk():
        if isinstance(op, Dot):
            for size in (*op.lhs.type.shape[-2:], op.rhs.type.shape[-1]):
                low[size] = max(low.get(size, 1), 16)
            if op.lhs.type.dtype.itemsize == 1:
                low[op.lhs.type.shape[-1]] = 32
    return low


def _contracted(program: Program) -> set[Any]:
    return {op.lhs.type.shape[-1] for op in program.walk() if isinstance(op, Dot)}


def reduces_along(program: Program, size: Size) -> bool:
    """Whether some reduction runs along a dimension of this size."""
    return whole_axis(size) is not None and any(
        isinstance(op, Reduce) and op.operand.type.shape[op.dim] == size for op in program.walk()
    )
