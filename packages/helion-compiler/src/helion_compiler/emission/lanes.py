"""Random numbers, pairs of lanes, parts of a tile, and tiles renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.emission.held import position

if TYPE_CHECKING:
    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.lane_ops import Cut, Distribution, Join, Random, Renew, Split

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


def emit_cut(context: EmissionContext, op: Cut) -> None:
    """``tl.split`` of each value in two, until there are as many as wanted."""
    shape = op.operand.type.shape
    dim = position(context, shape, op.dim)
    assert dim is not None, "the space has no parts of one lane"
    held = [lanes for lanes in map(context.schedule.lanes, shape) if lanes != 1]
    pieces = [context.use(op.operand)]
    while len(pieces) < len(op.results):
        held[dim] //= 2
        last = 2 * len(pieces) == len(op.results)
        halves: list[str] = []
        for piece in pieces:
            names = (
                [context.name(value) for value in op.results[len(halves) :][:2]]
                if last
                else [context.writer.name(f"{op.operand.name}_half") for _ in range(2)]
            )
            context.writer.line(f"{', '.join(names)} = {_halved(piece, held, dim)}")
            halves += names
        pieces = halves


def emit_renew(context: EmissionContext, op: Renew) -> None:
    """Functions of our own, which say nothing."""
    operand = context.use(op.operand)
    if op.operand.type.shape:
        context.uses.add("renewed")
        context.define(op.result, f"renewed({operand}, {op.times})")
    else:
        context.uses.add("renewed_number")
        context.define(op.result, f"renewed_number({operand})")


def _halved(text: str, half: list[int], dim: int) -> str:
    """Two values of shape ``half``, one behind the other along ``dim`` in what ``text`` is."""
    apart = [*half[:dim], 2, *half[dim:]]
    order = [axis for axis in range(len(apart)) if axis != dim]
    return f"tl.split(tl.permute(tl.reshape({text}, {apart}), {[*order, dim]}))"
