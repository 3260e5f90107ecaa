"""Drop ops whose results nobody reads, and carried values that no one needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.ops import Block, Loop, Op, Store, operands, results

if TYPE_CHECKING:
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Value


def drop_dead_ops(program: Program) -> Program:
    """The same Program without ops that neither store nor feed a store."""
    body, _ = _block(program.grid.body, set())
    return attrs.evolve(program, grid=attrs.evolve(program.grid, body=body))


def _block(block: Block, needed: set[Value]) -> tuple[Block, set[Value]]:
    """The live part of a block, and every value that it or its surroundings need."""
    needed = needed | set(block.yields)
    kept: list[Op] = []
    for op in reversed(block.ops):
        if isinstance(op, Loop):
            trimmed, used = _loop(op, needed)
            if trimmed is not None:
                needed |= used | set(trimmed.initial)
                kept.append(trimmed)
        elif isinstance(op, Store) or needed.intersection(results(op)):
            needed |= set(operands(op))
            kept.append(op)
    return attrs.evolve(block, ops=tuple(reversed(kept))), needed


def _loop(loop: Loop, needed: set[Value]) -> tuple[Loop | None, set[Value]]:
    """A loop with the carried values that matter: a parameter that only feeds its own dead result is dead."""
    live = {i for i, value in enumerate(loop.results) if value in needed}
    while True:
        body = attrs.evolve(loop.body, yields=tuple(loop.body.yields[i] for i in sorted(live)))
        body, used = _block(body, set())
        more = {i for i, value in enumerate(loop.parameters) if value in used} - live
        if not more:
            break
        live |= more
    if not body.ops and not needed.intersection(loop.results):
        # Without ops a loop only hands values around; whoever needs its results still needs it.
        return None, set()
    keep = sorted(live)
    trimmed = attrs.evolve(
        loop,
        initial=tuple(loop.initial[i] for i in keep),
        parameters=tuple(loop.parameters[i] for i in keep),
        results=tuple(loop.results[i] for i in keep),
        body=body,
    )
    return trimmed, used - set(loop.parameters)
