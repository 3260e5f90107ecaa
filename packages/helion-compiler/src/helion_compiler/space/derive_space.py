"""Derive the config space from a Program: which keys it has, which values, and which combinations
cannot run.

No dead dimensions: a parameter is in the space only if it can change the generated source or the
launch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_autotune import PowerOfTwo
from helion_compiler.model import CostModel, facts_of
from helion_compiler.program.ops import While
from helion_compiler.scheduling.least_lanes import least_lanes
from helion_compiler.space.access_modes import access_modes, mode_of
from helion_compiler.space.amd_keys import amd_keys
from helion_compiler.space.block_sizes import block_sites
from helion_compiler.space.cache_hints import cache_hints
from helion_compiler.space.carried_operands import carried_operands
from helion_compiler.space.chained_products import chained_products
from helion_compiler.space.code_length import short_code
from helion_compiler.space.config_space import ConfigSpace, Exclusion, Site
from helion_compiler.space.constraints import demands, few_registers, whole_warps
from helion_compiler.space.dtypes import has_dtypes
from helion_compiler.space.epilogue_subtile import epilogue_subtile
from helion_compiler.space.flat_loops import flat_loops
from helion_compiler.space.means import Means
from helion_compiler.space.narrowing_operands import narrowing_operands
from helion_compiler.space.persistence import persistence
from helion_compiler.space.point_lanes import PointLanes
from helion_compiler.space.product_registers import product_registers
from helion_compiler.space.program_ids import program_ids
from helion_compiler.space.range_options import range_options
from helion_compiler.space.reduction_loops import reduction_loops
from helion_compiler.space.seeds import seeds
from helion_compiler.space.shared_memory import SharedMemory, fits_shared_memory
from helion_compiler.space.static_ranges import static_ranges
from helion_compiler.space.swapped_operands import swapped_operands, with_swapped
from helion_compiler.space.target_traits import TargetTraits
from helion_compiler.space.tile_counts import TileCounts
from helion_compiler.space.tunables import tunable_parameters
from helion_compiler.space.unpipelined_products import unpipelined_products
from helion_compiler.space.unrolling import few_copies
from helion_compiler.space.warp_specialization import WarpSpecialization, warp_specialization

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from helion_autotune import Parameter
    from helion_autotune.constraints import Condition, Constraint
    from helion_compiler.program.ops import Access
    from helion_compiler.program.program import Program
    from helion_compiler.space.space_part import SpacePart


MAX_THREADS = 1024
"""Threads that a program may have."""


def derive_space(
    program: Program,
    aligned: frozenset[int] | None = None,
    traits: TargetTraits | None = None,
    dot_precision: str = "tf32",
) -> ConfigSpace:
    """The config space of ``program`` for calls whose arguments in ``aligned`` are; None means all of them.

    ``traits`` are the target's; None means an NVIDIA GPU. ``dot_precision`` is that of float32 products.
    """
    return _Deriver(program, aligned, traits or TargetTraits(), dot_precision).space()


class _Deriver:
    def __init__(
        self,
        program: Program,
        aligned: frozenset[int] | None,
        traits: TargetTraits,
        dot_precision: str,
    ) -> None:
        self._program = program
        self._traits = traits
        self._by_lanes = traits.by_lanes(dot_precision)
        self._facts = facts_of(traits.architecture)
        self._aligned = aligned
        self._excluded: list[Exclusion] = []
        self._conditions: dict[str, Condition] = {}
        self._wider: dict[str, Parameter] = {}
        self._demands: list[Constraint] = []
        self._advice: list[Constraint] = []

    def space(self) -> ConfigSpace:
        program = self._program
        sites: dict[str, list[Site]] = {}
        sites["block_sizes"] = block_sites(program)
        single: dict[str, Parameter] = {
            "num_warps": PowerOfTwo(1, MAX_THREADS // self._traits.warp_size, default=4),
            **tunable_parameters(program.tunables),
        }
        rows = reduction_loops(program, self._traits)
        self._add(rows.part, single, sites)
        ends = {f"block_sizes[{site.name}]": site.ends() for site in sites["block_sizes"]}
        flat = flat_loops(program, ends)
        self._add(flat.part, single, sites)
        self._add(access_modes(program, self._aligned, flat), single, sites)
        self._add(rows.pipelining(program), single, sites)
        described = self._described(sites)
        warps = warp_specialization(program, {op.name for op in described}, self._traits)
        lanes = PointLanes(program, rows.rolled)
        counts = TileCounts(program, lanes)
        least, most = ({name: pair[end] for name, pair in ends.items()} for end in (0, 1))
        rolled = dict.fromkeys(lanes.rolled.values())
        subtiling = epilogue_subtile(program, lanes, {**rolled, **most})
        static = static_ranges(program, counts, most)
        unrolled = [
            site.name for site in static.sites["static_ranges"] if site.parameter is not None
        ]
        for part in (
            program_ids(program, counts, flat),
            persistence(program, counts, least, self._traits, self._facts.limits),
            static,
            swapped_operands(program, lanes, counts, self._traits),
            range_options(program, unrolled),
            *self._refused_products(lanes, counts),
            subtiling.key,
            cache_hints(program, {op.name for op in described}, self._traits),
            amd_keys(program, self._traits),
            warps.sites(program),
            warps.part(program, lanes, self._facts.limits.shared_memory),
        ):
            self._add(part, single, sites)
        self._specialize(warps, single, sites)
        return ConfigSpace(
            kernel=program.name,
            single=single,
            sites={key: entries for key, entries in sites.items() if entries},
            conditions=self._conditions,
            demands=(
                *has_dtypes(program, self._traits),
                *demands(program, lanes, described, subtiling.accesses),
                *self._demands,
            ),
            advice=(*self._sparing(lanes, counts, subtiling.accesses, warps), *self._advice),
            excluded=tuple(self._excluded),
            seeds=with_swapped(
                seeds(program, least_lanes(program), lanes.rolled, self._by_lanes),
                sites["swap_operands"],
            ),
            model=self._model(lanes),
            steady=self._acts_by_lanes(),
            incomparable=self._incomparable(),
            means=Means(program, self._traits, rows, warps, self._facts),
            wider=self._wider,
            renewed=rows.renewed,
        )

    def _refused_products(self, lanes: PointLanes, counts: TileCounts) -> tuple[SpacePart, ...]:
        """What Triton, or ptxas, does not compile of products, or not as it is written."""
        program, traits = self._program, self._traits
        return (
            unpipelined_products(program, lanes, counts),
            chained_products(program, lanes, counts, traits),
            narrowing_operands(program, lanes, counts, traits),
            product_registers(program, lanes, traits, self._facts.limits),
            carried_operands(program, lanes, counts, traits),
        )

    def _described(self, sites: Mapping[str, Sequence[Site]]) -> list[Access]:
        """The accesses that a config may do through descriptors."""
        modes = {
            f"{key}[{site.name}]"
            for key in ("indexing", "atomic_indexing")
            for site in sites[key]
            if site.parameter is not None
        }
        return [op for op in self._program.accesses() if mode_of(op) in modes]

    def _specialize(
        self,
        warps: WarpSpecialization,
        single: Mapping[str, Parameter],
        sites: Mapping[str, Sequence[Site]],
    ) -> None:
        """Make inactive what kernels whose warps have roles have no use for."""
        if warps.roles is None:
            return
        names = [*single]
        names += [
            f"{key}[{site.name}]"
            for key, entries in sites.items()
            for site in entries
            if site.parameter is not None
        ]
        names = [name for name in names if not warps.free(name)]
        # Conditions look at what is declared before: first come those that had none.
        own = {name: warps.unless(name, self._conditions.get(name)) for name in names}
        self._conditions = {
            **{name: own[name] for name in names if name not in self._conditions},
            **{name: own.get(name, condition) for name, condition in self._conditions.items()},
        }

    def _sparing(
        self,
        lanes: PointLanes,
        counts: TileCounts,
        in_parts: Iterable[str],
        warps: WarpSpecialization,
    ) -> tuple[Constraint, ...]:
        """Advice on what programs take: registers, shared memory, time to compile."""
        memory = SharedMemory(self._program, lanes, counts, in_parts)
        sparing = (
            few_registers(self._program, lanes),
            warps.exempt(fits_shared_memory(memory, self._facts.limits.shared_memory)),
            few_copies(self._program, counts),
            short_code(self._program, lanes, counts, self._traits.warp_size, self._by_lanes),
        )
        if not self._acts_by_lanes():
            return sparing
        return (*sparing, whole_warps(self._program, lanes, self._facts.warp_size))

    def _model(self, lanes: PointLanes) -> CostModel | None:
        """Estimates, but for kernels of which all that goes on is a loop that data ends: programs of one warp took five
        times what was estimated of them.
        """
        if self._acts_by_lanes() and any(isinstance(op, While) for op in self._program.walk()):
            return None
        return CostModel(self._program, lanes, self._facts, self._by_lanes)

    def _acts_by_lanes(self) -> bool:
        """Whether each lane of a tile is computed by itself, once."""
        return not self._program.loops() and not self._program.whole_axes()

    def _incomparable(self) -> frozenset[str]:
        """The blocks that no loop goes by: how much there is to do depends on them in ways of their own."""
        program = self._program
        walked = [axis for grid in program.grids for axis in grid.axes]
        sizes = {axis.size for axis in (*walked, *program.loop_axes(), *program.whole_axes())}
        return frozenset(
            f"block_sizes[{block.name}]"
            for block in program.blocks
            if block.fixed is None and block.symbol not in sizes
        )

    def _add(
        self, part: SpacePart, single: dict[str, Parameter], sites: dict[str, list[Site]]
    ) -> None:
        """Take in what one topic adds."""
        single |= part.single
        sites |= {key: list(entries) for key, entries in part.sites.items()}
        self._conditions |= part.conditions
        self._wider |= part.wider
        self._demands += part.demands
        self._advice += part.advice
        self._excluded += part.excluded
