"""What runs when nobody chose, and where a search starts: rules of thumb, improved by what a model estimates."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence, Set

    from helion_autotune import Point, Space

    Cost: TypeAlias = Callable[[Mapping[str, Any]], float]
    Step: TypeAlias = tuple[tuple[str, int], ...]
    """Parameters, and in which direction each of them goes when the step is taken."""

_STEPPED = ("block_sizes[", "reduction_loops[", "swap_operands[", "num_warps", "num_stages")
"""The parameters that the model has a say in."""
_SEEN = ("pid_type", "range_num_stages[", "num_sm_multiplier", "maxnreg")
"""What else it looks at."""
_NUMBERED = re.compile(r"_\d+\]")
"""The end of the name of a tile that has the name of an earlier one."""
_NOTHING = object()
_ROUNDS = 4
_AHEAD = 2
"""Steps that are looked ahead where loops step together: what is level may lead on to what is better, as fewer programs
at once to a cache that holds what all of them read again.
"""
_CLEARLY = 0.9
"""What has to be left of the estimate for another tile shape to be preferred to that of the best rule."""
_WORTH = 0.98
"""Less than this of the estimate before is an improvement: the model is not exact."""


class Estimates(Protocol):
    """Says how long a point takes."""

    def seconds(self, point: Mapping[str, Any]) -> float:
        """The estimate."""

    def least(self, point: Mapping[str, Any]) -> float:
        """What no other point falls below."""

    def terms(self, point: Mapping[str, Any]) -> Mapping[str, float]:
        """What it is made of: the seconds that each part of the GPU would take by itself, by the part's name."""


class OtherMeans(Protocol):
    """Says how the tiles of a point may be moved, and its programs run."""

    def preferred(self, space: Space, point: Point) -> Point:
        """``point``, by the means that are best for its like, as far as ``space`` admits them."""

    def tried(self, space: Space, point: Point) -> list[Point]:
        """``point`` by other means that are worth a measurement."""


def fitting(space: Space, point: Point) -> Point:
    """``point``, or a smaller relative that the space admits: the smallest where not even that fits."""
    while space.check(point) and (smaller := _smaller(space, point)) is not None:
        point = smaller
    return point


@attrs.frozen
class _Descent:
    """Steps to better points, in all parameters that the model has a say in but those that are ``held``."""

    space: Space
    cost: Cost
    held: frozenset[str]

    def improved(self, point: Point) -> Point:
        """The best point that steps in one parameter at a time lead to, by coordinate descent; blocks of loops that
        walk the same way, one after the other, step together as well, and dimensions of a tile step against each
        other.
        """
        single = [
            name
            for name in self.space.parameters
            if name.startswith(_STEPPED) and name not in self.held
        ]
        steps = [
            *(((name, 1),) for name in single),
            *_alike(single),
            *_trades(single, _loops(self.space)),
        ]
        best, lowest = point, self.cost(point)
        for _ in range(_ROUNDS):
            before = lowest
            for together in steps:
                best, lowest = self._along(together, best, lowest)
            if lowest == before:
                break
        return best

    def plainer(self, point: Point) -> Point:
        """The best point that leads on from ``point`` without stages of single loops, unless those are clearly
        better.
        """
        own = _own_stages(point)
        without = self.space.point({**point, **dict.fromkeys(own, 0)})
        if not own or self.space.check(without):
            return point
        plain = self.improved(without)
        return point if self.cost(point) < self.cost(plain) * _CLEARLY else plain

    def _along(self, together: Step, best: Point, lowest: float) -> tuple[Point, float]:
        """The best point along a step, walked in both directions while it gets better."""
        for direction in (1, -1):
            least = _WORTH
            while True:
                found = self._stepped(together, best, lowest * least, direction)
                if found is None:
                    break
                best, lowest = found
                least = 1.0
        return best, lowest

    def _stepped(
        self, together: Step, point: Point, below: float, direction: int
    ) -> tuple[Point, float] | None:
        """The neighbour in one direction, or else one behind it, if its estimate is low enough."""
        changed = dict(point)
        for _ in range(1 if _is_trade(together) else min(_AHEAD, len(together))):
            steps = {
                name: self._next(name, changed[name], direction * way) for name, way in together
            }
            if any(value is _NOTHING for value in steps.values()):
                return None
            changed |= steps
            estimate = self.cost(changed)
            if estimate < below:
                other = self.space.point(changed)
                return None if self.space.check(other) else (other, estimate)
        return None

    def _next(self, name: str, value: Any, direction: int) -> Any:
        """The neighbour of a value of a parameter; nothing at the ends, and of values that a search does not try."""
        values = _sorted(self.space, name)
        place = values.index(value) + direction if value in values else -1
        return values[place] if 0 <= place < len(values) else _NOTHING


def _trades(names: Sequence[str], loops: Set[str]) -> list[Step]:
    """Blocks against each other and against steps of a row: of as many elements, more of one dimension.

    Not those of a grid among themselves: of two shapes with as many turns the model knows too little. A convolution of
    bfloat16 that should have gained 3 % took 314 µs for 174.
    """
    blocks = _blocks(names)
    single = [(name,) for alike in blocks for name in alike]
    rolled = [(name,) for name in names if name.startswith("reduction_loops[")]
    inner = [alike for alike in blocks if not loops.isdisjoint(map(_of, alike))]
    pairs = [
        *((one, other) for one, other in itertools.combinations(blocks, 2) if other in inner),
        *itertools.product(single, rolled),
    ]
    return [(*((name, 1) for name in one), *((name, -1) for name in other)) for one, other in pairs]


def _is_trade(step: Step) -> bool:
    return len({way for _, way in step}) > 1


def _loops(space: Space) -> frozenset[str]:
    """The names of loops inside of grids: that of each is the one of its tile, where it has one."""
    return frozenset(_of(name) for name in space.parameters if name.startswith("range_"))


def _of(name: str) -> str:
    """What a parameter is of."""
    return name.partition("[")[2].removesuffix("]")


def _alike(names: Sequence[str]) -> list[Step]:
    """Those blocks that the author gave the same name, of which there are several."""
    return [tuple((name, 1) for name in alike) for alike in _blocks(names) if len(alike) > 1]


def _blocks(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The blocks, those together that the author gave the same name."""
    by_stem: dict[str, list[str]] = {}
    for name in names:
        if name.startswith("block_sizes["):
            by_stem.setdefault(_NUMBERED.sub("]", name), []).append(name)
    return list(map(tuple, by_stem.values()))


def _remembered(space: Space, cost: Cost) -> Cost:
    """The same estimates, each made once."""
    names = [name for name in space.parameters if name.startswith((*_STEPPED, *_SEEN))]
    known: dict[tuple[Any, ...], float] = {}

    def remembered(point: Mapping[str, Any]) -> float:
        key = tuple(point[name] for name in names)
        if key not in known:
            known[key] = cost(point)
        return known[key]

    return remembered


def _sorted(space: Space, name: str) -> list[Any]:
    """The values of a parameter from small to large; a reduction that is not rolled is the largest."""
    values = space.parameters[name].values()
    return sorted(values, key=lambda value: float("inf") if value is None else value)


def _smaller(space: Space, point: Point) -> Point | None:
    """The point with one pipeline stage less, its largest block halved, or twice the warps; None at the least."""
    stages = point.get("num_stages", 1)
    if isinstance(stages, int) and stages > 2:
        return space.point({**point, "num_stages": stages - 1})
    blocks = {
        name: size
        for name, size in point.items()
        if name.startswith("block_sizes[") and space.parameters[name].problem(size // 2) is None
    }
    if not blocks:
        return _shared_by_more(space, point)
    largest = max(blocks, key=lambda name: blocks[name])
    return space.point({**point, largest: blocks[largest] // 2})


def _shared_by_more(space: Space, point: Point) -> Point | None:
    more = int(point.get("num_warps", 0)) * 2
    if not more or space.parameters["num_warps"].problem(more) is not None:
        return None
    return space.point({**point, "num_warps": more})


def _own_stages(point: Point) -> list[str]:
    """The parameters that give a single loop stages."""
    return [name for name in point if name.startswith("range_num_stages[") and point[name]]


def _by_warps(points: Sequence[Point], cost: Cost) -> list[Point]:
    """Of points with the same number of warps, the best."""
    found: dict[Any, Point] = {}
    for point in sorted(points, key=cost):
        found.setdefault(point.get("num_warps"), point)
    return list(found.values())


def ranked(
    space: Space,
    points: Sequence[Point],
    cost: Cost | None,
    held: frozenset[str] = frozenset(),
    least: Cost | None = None,
) -> list[Point]:
    """Points that those given lead to, the best first; where none fits the space, the smallest.

    Estimates of points that differ in ``held`` parameters do not compare: those are as in the first point that fits,
    and points with others come last. With ``least``, which no estimate falls below, the first point that fits stays
    first unless another is clearly better; where none can be, nothing is searched.
    """
    found = list(dict.fromkeys(fitting(space, point) for point in points))
    fits = [point for point in found if not space.check(point)]
    if cost is None or not fits:
        return fits or found[:1]
    if least is None:
        return _searched(space, fits, cost, held)
    enough = cost(fits[0]) * _CLEARLY
    if enough <= least(fits[0]):
        return fits
    better = _searched(space, fits, cost, held)
    return better if cost(better[0]) < enough else list(dict.fromkeys([fits[0], *better]))


def with_renewed(
    space: Space, found: Sequence[Point], cost: Cost, renewed: Mapping[str, int]
) -> list[Point]:
    """Points, the best first, and with them the best that is like the first but holds rows as they were loaded, which
    the step that ``renewed`` has for each stands for. No steps lead there: between it and short steps are long ones.
    """
    tried = [
        space.point({**found[0], name: step, "num_warps": warps})
        for name, step in renewed.items()
        for warps in space.parameters["num_warps"].values()
    ]
    fits = [point for point in tried if not space.check(point)]
    if not fits:
        return list(found)
    best = min(fits, key=cost)
    place = 0 if cost(best) < cost(found[0]) * _WORTH else 1
    return list(dict.fromkeys([*found[:place], best, *found[place:]]))


def _searched(space: Space, fits: Sequence[Point], cost: Cost, held: frozenset[str]) -> list[Point]:
    """Points that those given, which fit the space, lead to; the best first."""
    alike = [point for point in fits if all(point[name] == fits[0][name] for name in held)]
    search = _Descent(space, _remembered(space, cost), held)
    first = min(
        alike, key=lambda point: search.cost(point) * (_CLEARLY if not _own_stages(point) else 1)
    )
    best = search.plainer(search.improved(first))
    # The last rule starts elsewhere, and no single step leads from a few warps to many with less for each.
    others = [alike[-1], *_by_warps(alike, search.cost)]
    rivals = {search.improved(other): None for other in others if other != first}
    order = sorted(dict.fromkeys([*rivals, *alike]), key=search.cost)
    place = sum(search.cost(point) < search.cost(best) * _CLEARLY for point in order)
    return list(dict.fromkeys([*order[:place], best, *order[place:], *fits]))
