"""Random numbers, and pairs of lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.lane_ops import Distribution, Join, Random, Split

_DRAWS: dict[Distribution, str] = {
    "uniform": "tl.rand({seed}, {offsets})",
    "normal": "tl.randn({seed}, {offsets})",
    "bits": "tl.randint({seed}, {offsets}).to(tl.uint32, bitcast=True).to(tl.int64)",
    "four_uniforms": "tl.rand4x({seed}, {offsets})",
}


def emit_random(context: EmissionContext, op: Random) -> None:
    """Triton's own generator."""
    seed, offsets = context.use(op.seed), context.use(op.offsets)
    context.define_all(op.results, _DRAWS[op.distribution].format(seed=seed, offsets=offsets))


def emit_join(context: EmissionContext, op: Join) -> None:
    """``tl.join``."""
    context.define(op.result, f"tl.join({context.use(op.first)}, {context.use(op.second)})")


def emit_split(context: EmissionContext, op: Split) -> None:
    """``tl.split``."""
    context.define_all(op.results, f"tl.split({context.use(op.operand)})")
