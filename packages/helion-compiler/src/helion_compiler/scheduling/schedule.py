"""What emission looks at: tiles, program ids, access modes and launch options, as frozen data."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from helion_compiler.program.divisors import Divisors
from helion_compiler.scheduling.warp_roles import GROUP_WARPS, share

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sympy

    from helion_compiler.program.ops import Loop
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size
    from helion_compiler.scheduling.warp_roles import WarpRoles

ProgramIds: TypeAlias = Literal["flat", "xyz", "persistent_blocked", "persistent_interleaved"]
AccessMode: TypeAlias = Literal["pointer", "tensor_descriptor"]


@attrs.frozen
class LoopOptions:
    """Arguments of one ``tl.range``; a neutral value leaves the argument out. A ``static`` one is a
    ``tl.static_range``, which has none. A ``fused`` one is inside of a loop over tiles that is flattened.
    """

    unroll_factor: int = 0
    num_stages: int = 0
    multi_buffer: bool | None = None
    flatten: bool | None = None
    static: bool = False
    fused: bool = False


@attrs.frozen
class CacheHints:
    """What one ``tl.load`` or ``tl.store`` says of the caches; an empty text leaves the argument out."""

    eviction_policy: str = ""
    cache_modifier: str = ""


@attrs.frozen
class GridSchedule:
    """How program ids become the tiles of one grid. ``order`` lists the grid's axes, the fastest varying first,
    ``from_end`` those whose last tile comes first.
    """

    order: tuple[int, ...]
    from_end: tuple[int, ...]
    l2_grouping: int
    options: LoopOptions


@attrs.frozen(kw_only=True)
class Abilities:
    """What not every GPU has, as far as a kernel's text depends on it: functions of our own for float32, ``elementary``
    ones for NVIDIA's; arithmetic in floats of 16 bits, ``adds_halves``; and products of warp groups, which take left
    factors from registers and go on while others compute, ``multiplies_from_registers``.
    """

    elementary: bool = False
    adds_halves: bool = False
    multiplies_from_registers: bool = False


@attrs.frozen(eq=False, kw_only=True)
class Schedule:
    """One way to run a Program. ``program`` is already rewritten as the Config asks.

    ``block_sizes`` maps block symbols to lanes, ``access_modes`` the stable names of loads and
    stores to how they address memory, ``cache_hints`` those through pointers to what they say of the caches.
    ``sm_multiplier`` is how many programs of a persistent kernel each multiprocessor gets. ``hints`` are further
    options of ``triton.compile``. With ``follows_dies``, the programs of a compute die take tiles beside each other.
    With ``fast_math``, float32 is computed by approximate instructions. With ``dependent_launch``, programs begin by
    waiting for the kernel ahead, which may still run when they are set up. With ``roles``, one more warp copies ahead
    what the others compute with, which share the tile's rows in groups.
    """

    program: Program
    block_sizes: Mapping[sympy.Symbol, int]
    least_lanes: Mapping[Size, int]
    program_ids: ProgramIds
    grids: tuple[GridSchedule, ...]
    loops: Mapping[Loop, LoopOptions]
    access_modes: Mapping[str, AccessMode]
    cache_hints: Mapping[str, CacheHints]
    num_warps: int
    num_stages: int
    hints: Mapping[str, int]
    follows_dies: bool
    sm_multiplier: int
    dot_precision: str
    fast_math: bool
    abilities: Abilities
    dependent_launch: bool = False
    roles: WarpRoles | None = None

    @property
    def groups(self) -> int:
        """How many groups of warps share the rows of a tile: one unless warps have roles."""
        return 1 if self.roles is None else self.num_warps // GROUP_WARPS

    @property
    def compile_options(self) -> dict[str, Any]:
        """What the Config asks of Triton beside the source: options of ``triton.compile``."""
        warps = self.num_warps // self.groups  # others come on top of those of the first group
        options = {"num_warps": warps, "num_stages": self.num_stages, **self.hints}
        return {**options, "launch_pdl": True} if self.dependent_launch else options

    def concrete(self, size: Size) -> Size:
        """``size`` with equal symbols made one, and numbers for block sizes."""
        known = self.program.resolve(size)
        if not isinstance(known, int):
            known = known.xreplace(dict(self.block_sizes))
        return known if isinstance(known, int) or not known.is_Integer else int(known)

    def lanes(self, size: Size) -> int:
        """How many lanes a dimension of this size has in Triton: a power of two.

        A whole axis of unknown extent is held in the power of two that its example needed; the
        variant's guard says so.
        """
        if size in self.block_sizes:
            return self.block_sizes[size] // self._shared_by(size)
        if size in self.program.products:
            return math.prod(self.lanes(part) for part in self.program.products[size])
        least = self.least_lanes.get(size, 1) if size != 1 else 1
        return max(self.program.padded(self.concrete(size)), least)

    def axis_lanes(self, axis: Axis) -> int:
        """The lanes of an axis."""
        return 1 if axis.scalar else self.lanes(axis.size)

    def tile_lanes(self, axis: Axis) -> int:
        """The lanes that all groups of warps together have of an axis: how far its blocks are apart."""
        return 1 if axis.scalar else self._of_tile(axis.size)

    def _of_tile(self, size: Size) -> int:
        return self.lanes(size) * self._shared_by(size)

    def _shared_by(self, size: Size) -> int:
        """How many groups of warps share a dimension of this size."""
        return self.groups if share(self.roles, size) else 1

    def is_exact(self, axis: Axis) -> bool:
        """Whether every block along ``axis`` is full, so that nothing needs a mask."""
        if axis.scalar:
            return True
        if axis.cuts is not None:
            return self.is_exact(axis.cuts)
        if axis.ends is not None:
            return False
        lanes = self.tile_lanes(axis)
        if lanes == 1 and not axis.whole:
            return True
        if axis.whole:  # without indices it still has a lane; a loop without indices never runs
            extent = self.program.resolve(axis.extent)
            known = isinstance(extent, int) or extent.is_Integer
            return known and int(extent) > 0 and int(extent) % lanes == 0
        return self._divisors.divides(lanes, axis.extent, self._of_tile)

    @cached_property
    def _divisors(self) -> Divisors:
        return Divisors(self.program)
