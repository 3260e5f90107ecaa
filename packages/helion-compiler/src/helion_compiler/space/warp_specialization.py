"""``range_warp_specializes``: whether a warp copies ahead what groups of others compute with, on Hopper's GPUs.

Such a kernel is another one: :mod:`helion_compiler.scheduling.warp_roles` says for which Programs there is one, and
:mod:`helion_compiler.emission.roles` writes it. Most other keys speak of Triton's own loops, and have no say in it.
Triton's ``warp_specialize`` of a range, which other compilers mean by the key, gave wrong results on Hopper with
Triton 3.6 in 4 warps, and changed nothing in 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion import Config
from helion_autotune import Choice
from helion_autotune.constraints import Condition, Constraint
from helion_compiler.program.divisors import Divisors
from helion_compiler.program.types import TileSlice
from helion_compiler.scheduling.warp_roles import GROUP_ROWS, GROUP_WARPS, NotDivided, warp_roles
from helion_compiler.space.access_modes import mode_of
from helion_compiler.space.config_space import Exclusion, Site
from helion_compiler.space.descriptors import reads_nothing_behind
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from helion_autotune.constraints import Predicate
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size
    from helion_compiler.scheduling.warp_roles import WarpRoles
    from helion_compiler.space.point_lanes import PointLanes
    from helion_compiler.space.target_traits import TargetTraits

KEY = "range_warp_specializes"
HOPPER = 90
MAX_GROUPS = 2
"""With more, a thread would have too few registers for what a group computes."""
MAX_VALUES = 192
"""Elements of a group's accumulators and weights that a thread has registers for, of 240."""
MIN_COLUMNS = 16
MAX_COLUMNS = 256
MIN_BUFFERS = 2
_BARRIER_BYTES = 16
_ELSEWHERE = "only the products of Hopper's warp groups are done by such warps"
_WITH_FIRST = "it goes with the first loop"
_FREE = ("block_sizes[", "loop_orders[", "l2_groupings[", KEY)
"""Keys of several entries that such kernels have a use for, by how their names begin."""
_FREE_SINGLE = ("num_warps", "num_stages", "pid_type")
_NO_SAY = "its warps have no roles: it speaks of Triton's own loops and accesses"
"""Why a key is inactive, read after "is active where"."""


@attrs.frozen
class WarpSpecialization:
    """What the space of a Program has of it: ``roles`` is None where there are none, for ``reason``."""

    roles: WarpRoles | None
    reason: str
    parameter: str
    tunables: Collection[str] = ()

    def at(self, point: Mapping[str, Any]) -> bool:
        """Whether the warps of a point have roles."""
        return self.roles is not None and bool(point[self.parameter])

    def sites(self, program: Program) -> SpacePart:
        """The key itself: one entry for each grid and each inner loop, as other keys of ranges have."""
        names = (*program.grid_names(), *program.loop_names())
        if self.roles is None:
            return SpacePart(excluded=(Exclusion(KEY, self.reason),))
        choice = Choice((None, True), default=None)
        either = Choice((None, False, True), default=None)
        return SpacePart(
            sites={
                KEY: [
                    Site(name, choice, allowed=either)
                    if f"{KEY}[{name}]" == self.parameter
                    else Site(name, None, reason=_WITH_FIRST)
                    for name in names
                ]
            }
        )

    def free(self, name: str) -> bool:
        """Whether a parameter changes kernels whose warps have roles."""
        assert self.roles is not None
        stored = {mode_of(op) for op in self.roles.matrices}
        free = {*_FREE_SINGLE, *stored, *self.tunables}
        return name in free or name.startswith(_FREE)

    def unless(self, name: str, also: Condition | None) -> Condition:
        """When a parameter is active that was so as ``also`` says: of others, where warps have no roles."""
        assert name != self.parameter
        return Condition(
            _NO_SAY if also is None else also.reason,
            lambda point: not point[self.parameter] and (also is None or also.holds(point)),
        )

    def exempt(self, constraint: Constraint) -> Constraint:
        """A constraint on Triton's own loops."""
        return attrs.evolve(
            constraint, holds=lambda point: self.at(point) or constraint.holds(point)
        )

    def part(self, program: Program, lanes: PointLanes, shared_memory: int) -> SpacePart:
        """What has to hold for such kernels, and for them to be worth trying; ``shared_memory`` are the bytes that a
        program may have.
        """
        if self.roles is None:
            return SpacePart()
        at = _Kernel(self.roles, lanes, program, Divisors(program))
        groups = (
            f"warps with roles are {GROUP_WARPS} for each {GROUP_ROWS} rows of a tile, which has at most {MAX_GROUPS} "
            "times as many, and one index along every other axis"
        )
        blocks = (
            f"what warps with roles copy has {MIN_COLUMNS} to {MAX_COLUMNS} rows and columns, as many in every loop, "
            f"and {MIN_BUFFERS} buffers at least"
        )
        ends = (
            "blocks that warps with roles copy end where the tensor or the tile loop does: what lies behind would be "
            "read with them"
        )
        memory = f"the buffers of warps with roles would not fit {shared_memory // 1024} KiB of shared memory"
        registers = (
            f"a thread would hold more than {MAX_VALUES} elements of accumulators and weights"
        )
        return SpacePart(
            demands=(
                self._where("rows of warps with roles", groups, at.has_groups),
                self._where("blocks of warps with roles", blocks, at.has_blocks),
                self._where("ends of warps with roles", ends, at.ends_with_loops),
                self._where(
                    "memory of warps with roles",
                    memory,
                    lambda point: at.bytes_at(point) <= shared_memory,
                ),
            ),
            advice=(
                self._where(
                    "registers of warps with roles",
                    registers,
                    lambda point: at.values_at(point) <= MAX_VALUES,
                ),
            ),
        )

    def _where(self, name: str, reason: str, holds: Predicate) -> Constraint:
        return Constraint(name, reason, lambda point: not self.at(point) or holds(point))


@attrs.frozen
class _Kernel:
    """What such a kernel takes at a point."""

    roles: WarpRoles
    lanes: PointLanes
    program: Program
    divisors: Divisors

    def has_groups(self, point: Mapping[str, Any]) -> bool:
        rows = self.lanes.of(self.roles.rows.size, point)
        groups = rows // GROUP_ROWS
        return (
            rows % GROUP_ROWS == 0
            and 1 <= groups <= MAX_GROUPS
            and int(point["num_warps"]) == groups * GROUP_WARPS
            and all(self.lanes.of(size, point) == 1 for size in self.roles.single)
        )

    def has_blocks(self, point: Mapping[str, Any]) -> bool:
        keys = {self.lanes.of(turn.axis.size, point) for turn in self.roles.turns}
        widths = (*keys, self._depth(point), self._width(point))
        return (
            len(keys) == 1
            and all(MIN_COLUMNS <= width <= MAX_COLUMNS for width in widths)
            and int(point["num_stages"]) >= MIN_BUFFERS
        )

    def ends_with_loops(self, point: Mapping[str, Any]) -> bool:
        def lanes(size: Size) -> int:
            return self.lanes.of(size, point)

        return all(
            reads_nothing_behind(self.program, self.divisors, entry.axis, extent, lanes)
            for load in self.roles.described
            for entry, extent in zip(load.subscripts, load.buffer.shape, strict=True)
            if isinstance(entry, TileSlice)
        )

    def bytes_at(self, point: Mapping[str, Any]) -> int:
        """Shared memory: what is kept and stored of the tile, and as many blocks of a turn as there are buffers."""
        kept = self.lanes.bytes_of(self.roles.kept.result, point)
        copied = (operand.load.result for operand in self.roles.turns[0].copied)
        ring = sum(self.lanes.bytes_of(value, point) for value in copied)
        stored = sum(
            self.lanes.bytes_of(op.value, point)
            for op in self.roles.matrices
            if point[mode_of(op)] == "tensor_descriptor"
        )
        barriers = _BARRIER_BYTES * (2 * int(point["num_stages"]) + 2)
        return kept + stored + int(point["num_stages"]) * ring + barriers

    def values_at(self, point: Mapping[str, Any]) -> int:
        """Elements that a thread holds of both accumulators, and of weights, of which a register has two."""
        threads = GROUP_WARPS * 32
        keys = self._keys(point)
        return GROUP_ROWS * (keys + keys // 2 + self._width(point)) // threads

    def _keys(self, point: Mapping[str, Any]) -> int:
        return self.lanes.of(self.roles.turns[0].axis.size, point)

    def _depth(self, point: Mapping[str, Any]) -> int:
        return self.lanes.of(self.roles.turns[0].first.sizes[1], point)

    def _width(self, point: Mapping[str, Any]) -> int:
        return self.lanes.of(self.roles.turns[0].second.sizes[2], point)


def warp_specialization(
    program: Program, described: Collection[str], traits: TargetTraits
) -> WarpSpecialization:
    """Whether the warps of a Program may have roles; ``described`` names the accesses that descriptors can serve."""
    loops = program.loop_names()
    parameter = f"{KEY}[{loops[0]}]" if loops else KEY
    if traits.backend != "cuda" or traits.architecture != HOPPER:
        return WarpSpecialization(None, _ELSEWHERE, parameter)
    try:
        roles = warp_roles(program, described)
    except NotDivided as error:
        return WarpSpecialization(
            None, f"warps have no roles of their own here: {error}", parameter
        )
    return WarpSpecialization(roles, "", parameter, tuple(program.tunables))


def without_roles(config: Config) -> Config:
    """The same blocks and program ids, done by Triton's own loops."""
    return Config(**{key: value for key, value in config.items() if key != KEY})
