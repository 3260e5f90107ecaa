"""Whole dimensions: held at once, walked in steps, or held as they were loaded and computed with once for each
reduction, where a step is all there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune import Choice, Integer
from helion_autotune.constraints import Condition
from helion_compiler.scheduling.repeat_passes import repeats_passes
from helion_compiler.scheduling.roll_reductions import NotRollable, roll_reductions
from helion_compiler.space.block_sizes import MAX_BLOCK
from helion_compiler.space.config_space import Exclusion, Site
from helion_compiler.space.persistence import PERSISTENT
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size
    from helion_compiler.space.target_traits import TargetTraits

_KEY = "reduction_loops"
_STEPS = tuple(1 << power for power in range(5, 16))
_BEYOND = 8192
"""The step of what nothing can hold, where nobody chose."""
_LEAST_REPEATED = 32768
"""Lanes from which on it was faster on an H200: shorter rows leave room for another program as they are."""


@attrs.frozen
class ReductionLoops:
    """``rolled`` has the parameter of each whole dimension that may be walked, by its size; ``lanes`` how many
    positions a program holds of it where it is not, by parameter; ``renewed`` those of them that may be a step.
    """

    part: SpacePart
    rolled: Mapping[Size, str]
    lanes: Mapping[str, int]
    renewed: Mapping[str, int]

    def walks(self, point: Mapping[str, Any]) -> bool:
        """Whether a point has some dimension walked in steps."""
        steps = {name: point.get(name) for name in self.lanes}
        return any(step is not None and step < self.lanes[name] for name, step in steps.items())

    def pipelining(self, program: Program) -> SpacePart:
        """``num_stages`` matters where some loop runs: the author's, a rolled reduction's, or that over tiles."""
        if program.loops():
            return SpacePart(single={"num_stages": Integer(1, 8, default=2)})
        loops = Condition(
            "there is a loop to pipeline",
            lambda point: point["pid_type"] in PERSISTENT or self.walks(point),
        )
        return SpacePart(
            single={"num_stages": Integer(1, 8, default=1)}, conditions={"num_stages": loops}
        )


def reduction_loops(program: Program, traits: TargetTraits) -> ReductionLoops:
    """The choices of all whole dimensions of a Program."""
    axes = program.whole_axes()
    sites, excluded = [], []
    for number, axis in enumerate(axes):
        name = f"whole_{number}"
        reason = _why_not_rolled(program, axis)
        if reason is not None:
            excluded.append(Exclusion(f"{_KEY}[{name}]", reason))
        sites.append(_site(program, axis, name, traits, reason))
    if not axes:
        excluded.append(Exclusion(_KEY, "the kernel has no tensor's whole dimension at once"))
    rolled = {
        axis.size: f"{_KEY}[{site.name}]"
        for axis, site in zip(axes, sites, strict=True)
        if site.parameter is not None
    }
    lanes = {rolled[axis.size]: program.padded(axis.extent) for axis in axes if axis.size in rolled}
    renewed = {
        name: lanes[name]
        for site in sites
        if (name := f"{_KEY}[{site.name}]") in lanes and site.ends()[1] == lanes[name]
    }
    part = SpacePart(sites={_KEY: sites}, excluded=excluded)
    return ReductionLoops(part, rolled, lanes, renewed)


def _site(
    program: Program, axis: Axis, name: str, traits: TargetTraits, reason: str | None
) -> Site:
    if reason is not None:
        return Site(name, None, neutral=None, reason=reason)
    lanes = program.padded(axis.extent)
    steps = [step for step in _STEPS if step < lanes]
    if not steps:
        return Site(name, None, neutral=None, reason="it is short enough to be held whole")
    if (
        traits.abilities.elementary
        and _LEAST_REPEATED <= lanes <= MAX_BLOCK
        and repeats_passes(program, axis)
    ):
        steps.append(lanes)
    default = None if lanes <= MAX_BLOCK else _BEYOND
    return Site(name, Choice((None, *steps), default=default))


def _why_not_rolled(program: Program, axis: Axis) -> str | None:
    try:
        roll_reductions(program, axis, _STEPS[0], 0)
    except NotRollable as error:
        return str(error)
    return None
