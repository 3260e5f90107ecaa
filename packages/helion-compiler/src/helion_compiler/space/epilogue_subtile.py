"""``epilogue_subtile``: in how many parts the accumulators of matrix products are stored."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune import Choice
from helion_autotune.constraints import Constraint
from helion_compiler.program.ops import Dot
from helion_compiler.scheduling.epilogues import find_epilogues
from helion_compiler.scheduling.subtile_epilogues import LEAST_COLUMNS
from helion_compiler.space.config_space import Exclusion
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size
    from helion_compiler.scheduling.epilogues import Epilogue
    from helion_compiler.space.point_lanes import PointLanes

KEY = "epilogue_subtile"
_PARTS = (2, 4)
_NARROW = f"a part of the accumulator would have fewer than {LEAST_COLUMNS} columns"


@attrs.frozen(eq=False, kw_only=True)
class Subtiling:
    """The key, and the accesses of epilogues by name: along a dimension of which size they are done in parts."""

    key: SpacePart
    accesses: Mapping[str, Size] = MappingProxyType({})


def epilogue_subtile(program: Program, lanes: PointLanes, most: Mapping[str, Any]) -> Subtiling:
    """The key, where some product is stored; ``most`` is a point with the largest blocks."""
    if not any(isinstance(op, Dot) for op in program.walk()):
        return _without([Exclusion(KEY, "the kernel has no matrix product")])
    epilogues = find_epilogues(program)
    excluded = [Exclusion(f"{KEY}[{name}]", reason) for name, reason in epilogues.refused.items()]
    wide: list[Epilogue] = []
    for epilogue in epilogues.found:
        if lanes.of(epilogue.axis.size, most) // min(_PARTS) >= LEAST_COLUMNS:
            wide.append(epilogue)
        else:
            excluded += [Exclusion(f"{KEY}[{op.name}]", _NARROW) for op in epilogue.stores]
    if not wide:
        nothing = Exclusion(KEY, "no store writes what a matrix product computes")
        return _without(excluded or [nothing])
    enough = _enough(lanes, [epilogue.axis.size for epilogue in wide])
    tried = [parts for parts in _PARTS if enough.holds({**most, KEY: parts})]
    return Subtiling(
        key=SpacePart(
            single={KEY: Choice((None, *tried), default=None)},
            wider={KEY: Choice((None, *_PARTS), default=None)},
            demands=(enough,),
            excluded=excluded,
        ),
        accesses={op.name: one.axis.size for one in wide for op in one.accesses},
    )


def parts_of(point: Mapping[str, Any]) -> int:
    """In how many parts a point has epilogues done."""
    return int(point.get(KEY) or 1)


def _without(excluded: list[Exclusion]) -> Subtiling:
    return Subtiling(key=SpacePart(excluded=excluded))


def _enough(lanes: PointLanes, sizes: Sequence[Size]) -> Constraint:
    def holds(point: Mapping[str, Any]) -> bool:
        parts = parts_of(point)
        return parts == 1 or all(lanes.of(s, point) // parts >= LEAST_COLUMNS for s in sizes)

    return Constraint("columns of epilogue parts", _NARROW, holds)
