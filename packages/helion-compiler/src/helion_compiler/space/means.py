"""By which means the tiles of a point are moved and its programs run: which are preferred, and which a search tries
first.

A point's blocks, warps and stages say what a program does; descriptors, programs that stay, deeper pipelines and what
loads say of the cache leave that alone. The rules are from sweeps on an H200 (``benchmarks/sweeps``): descriptors for
what products read gained 3 to 8 %, on top of it loops over tiles that are flattened into those of products another
2 %; deeper pipelines up to 19 % where there are fewer tiles than multiprocessors; programs that walk along memory 3 %
(:mod:`~helion_compiler.space.walking`), or over tiles that read the same 3 to 20 %
(:mod:`~helion_compiler.space.sharing`); loads that say what the cache should keep 3 to 15 % where memory is the limit,
and stores that stream another 2 to 6 % where long rows are read again.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, TypeAlias

from helion_compiler.program.ops import Dot
from helion_compiler.space.access_modes import mode_of
from helion_compiler.space.persistence import PERSISTENT
from helion_compiler.space.regions import regions
from helion_compiler.space.role_means import points_with_roles
from helion_compiler.space.sharing import sharing_orders
from helion_compiler.space.streaming import streaming_hints, streams
from helion_compiler.space.walking import walking_orders
from helion_compiler.space.warp_specialization import WarpSpecialization

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helion_autotune import Point, Space
    from helion_compiler.model.devices import DeviceFacts
    from helion_compiler.program.ops import Load
    from helion_compiler.program.program import Program
    from helion_compiler.space.reduction_loops import ReductionLoops
    from helion_compiler.space.regions import Region
    from helion_compiler.space.target_traits import TargetTraits

    Change: TypeAlias = Mapping[str, Any]

_DESCRIBES = 90
"""The architecture of NVIDIA's from which on units of their own move tiles that descriptors describe."""
_DEEPEST = 7
_MOST_WARPS = 32
_STAYING: Change = {"pid_type": "persistent_interleaved"}


class Means:
    """What there is for one Program on one kind of GPU."""

    def __init__(
        self,
        program: Program,
        traits: TargetTraits,
        rows: ReductionLoops,
        warps: WarpSpecialization,
        facts: DeviceFacts,
    ) -> None:
        self._program = program
        self._rows = rows
        self._warps = warps
        self._multiprocessors = facts.multiprocessors
        grids = regions(program)
        streamed = [op for grid in grids for op in _streamed(grid)]
        describes = traits.backend == "cuda" and int(traits.architecture) >= _DESCRIBES
        self._streamed = [mode_of(op) for op in streamed] if describes else []
        self._products = sum(isinstance(op, Dot) for op in program.walk())
        nested = any(loop.inner for grid in grids for loop in grid.inner)
        self._flat = (
            [f"range_flattens[{name}]" for name in program.grid_names()]
            if self._products == 1 and not nested
            else []
        )
        # AMD's loads have no policies, and nothing of this was measured there.
        self._streams = traits.backend == "cuda" and streams(program)
        walking = {f"loop_orders[{name}]": order for name, order in walking_orders(program).items()}
        self._orders: Change = walking | sharing_orders(program, facts.cache)

    def preferred(self, space: Space, point: Point) -> Point:
        """``point``, by the means that were fastest for its like, as far as ``space`` admits them."""
        roles = self._with_roles(space, point)
        return roles[0] if roles else self._without_roles(space, point)

    def of_own_loops(self) -> Means:
        """Those of Triton's own loops alone: warps have no roles."""
        other = copy(self)
        other._warps = WarpSpecialization(None, "they are left out", "")
        return other

    def _with_roles(self, space: Space, point: Point) -> list[Point]:
        """``point`` with roles for its warps, the best first."""
        return points_with_roles(space, point, self._program, self._warps, self._multiprocessors)

    def _without_roles(self, space: Space, point: Point) -> Point:
        point = self._hinted(space, self._walked(space, point))
        described = _changes(space, self._streamed, "tensor_descriptor")
        if not described:
            return point
        flat = _changes(space, self._flat, value=True)
        changes = [described]
        if flat and point["pid_type"] in PERSISTENT:
            changes.insert(0, {**described, **flat})
        for change in changes:
            other = space.point({**point, **change})
            if not space.check(other):
                return other
        return point

    def _walked(self, space: Space, point: Point) -> Point:
        """``point``, with programs beside each other on tiles beside each other in memory, or that read the same."""
        orders = {name: value for name, value in self._orders.items() if name in space.parameters}
        return _changed_if_admitted(space, point, orders)

    def _hinted(self, space: Space, point: Point) -> Point:
        """``point``, with what streaming kernels say of the cache."""
        if not self._streams or not self._rows.walks(point):
            return point
        hints = streaming_hints(space.parameters)
        known = {name: value for name, value in hints.items() if _knows(space, {name: value})}
        return _changed_if_admitted(space, point, known)

    def tried(self, space: Space, point: Point) -> list[Point]:
        """Other means for ``point``: what is best differs from kernel to kernel."""
        if self._warps.at(point):
            return self._roles_tried(space, point)
        changes = self._for_products(space, point) if self._products else _for_rows(space, point)
        found = [space.point({**point, **change}) for change in changes]
        return list(dict.fromkeys(other for other in found if other != point))

    def _roles_tried(self, space: Space, point: Point) -> list[Point]:
        """Other blocks for warps with roles, programs of a tile each, and Triton's own loops."""
        others = self._with_roles(space, point)
        flat = [space.point({**other, "pid_type": "flat"}) for other in others]
        found = (other for pair in zip(others, flat, strict=True) for other in pair)
        plain = self._without_roles(space, space.point({**point, self._warps.parameter: None}))
        return [other for other in dict.fromkeys((*found, plain)) if other != point]

    def _for_products(self, space: Space, point: Point) -> Iterator[Change]:
        every = [name for name in space.parameters if name.startswith("indexing[")]
        flat = _changes(space, self._flat, value=True)
        described = _changes(space, self._streamed or every, "tensor_descriptor")
        if _knows(space, _STAYING):
            yield {**_STAYING, **described, **flat}
            yield {"pid_type": "flat"} if point["pid_type"] in PERSISTENT else _STAYING
        yield _changes(space, every, "tensor_descriptor")
        yield _changes(space, every, "pointer")
        yield from _deeper(space, point)


def _streamed(grid: Region) -> Iterator[Load]:
    """The tiles that products of loops read: what comes once, before such a loop, would be waited for by itself, and a
    vector is less than a descriptor takes.
    """
    loops = [region for region in grid.everywhere() if region is not grid and region.streamed]
    for region in loops or [grid]:
        yield from (op for op in region.streamed if len(op.result.type.shape) > 1)


def _for_rows(space: Space, point: Point) -> Iterator[Change]:
    policies = [name for name in space.parameters if name.startswith("load_eviction_policies[")]
    kept = _changes(space, policies, "last")
    stores = [name for name in space.parameters if name.startswith("store_cache_modifiers[")]
    streamed = _changes(space, stores, ".cs")
    silent = _changes(space, [*policies, *stores], "")
    more = {"num_warps": min(2 * int(point["num_warps"]), _MOST_WARPS)}
    yield silent
    yield {**silent, **kept}
    yield {**kept, **streamed}  # what is written does not push out what is read again
    yield {**silent, **_changes(space, policies, "first")}
    yield more
    yield {**silent, **kept, **more}
    if _knows(space, _STAYING):
        yield _STAYING
    yield _changes(
        space, [n for n in space.parameters if n.startswith("indexing[")], "tensor_descriptor"
    )


def _deeper(space: Space, point: Point) -> Iterator[Change]:
    """The deepest pipeline that the space admits."""
    for stages in range(_DEEPEST, int(point.get("num_stages") or _DEEPEST), -1):
        change = {"num_stages": stages}
        if _knows(space, change) and not space.check(space.point({**point, **change})):
            yield change
            return


def _changed_if_admitted(space: Space, point: Point, change: Change) -> Point:
    """``point`` with a change, or as it is where the space does not admit that."""
    other = space.point({**point, **change})
    return point if space.check(other) else other


def _changes(space: Space, names: list[str], value: object) -> dict[str, Any]:
    """``value`` for those parameters of ``names`` that the space has with it."""
    return {name: value for name in names if _knows(space, {name: value})}


def _knows(space: Space, change: Change) -> bool:
    return all(
        name in space.parameters and space.parameters[name].problem(value) is None
        for name, value in change.items()
    )
