"""Drop ops whose results nobody reads, and carried values that no one needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_compiler.program.fields import (
    blocks,
    operands,
    parameters,
    results,
    symbols,
    with_blocks,
    with_fields,
)
from helion_compiler.program.ops import Block, If, Loop, Number, Op, While, has_effect
from helion_compiler.program.program import walk

if TYPE_CHECKING:
    from helion_compiler.program.program import Program

Needed = set[Any]
"""Values, and symbols of numbers, that something reads."""


def drop_dead_ops(program: Program) -> Program:
    """The same Program without ops that neither have an effect nor feed one that has."""
    return program.with_bodies(lambda body: _block(body, set())[0])


def _block(block: Block, needed: Needed) -> tuple[Block, Needed]:
    """The live part of a block, and everything that it or its surroundings need."""
    needed = needed | set(block.yields)
    kept: list[Op] = []
    for op in reversed(block.ops):
        live, used = _op(op, needed)
        if live is not None:
            needed = needed | used | set(operands(live)) | symbols(live)
            kept.append(live)
    return with_fields(block, ops=tuple(reversed(kept))), needed


def _op(op: Op, needed: Needed) -> tuple[Op | None, Needed]:
    """What remains of an op, and what its blocks need from outside."""
    match op:
        case Loop() | While():
            return _loop(op, needed)
        case If():
            return _if(op, needed)
        case Number():
            return (op if op.symbol in needed else None), set()
        case _:
            live = has_effect(op) or not needed.isdisjoint(results(op))
            inside = {value for body in blocks(op) for value in _read(body)}
            return (op if live else None), inside


def _read(block: Block) -> Needed:
    """What the ops and yields of a block read, at any depth."""
    read: Needed = set(block.yields)
    for op in walk(block):
        read |= {*operands(op), *symbols(op)}
        read |= {value for body in blocks(op) for value in body.yields}
    return read


def _loop(loop: Loop | While, needed: Needed) -> tuple[Op | None, Needed]:
    """A loop with the carried values that matter: a parameter that only feeds its own dead result is dead."""
    live = {i for i, value in enumerate(loop.results) if value in needed}
    while True:
        body = with_fields(loop.body, yields=tuple(loop.body.yields[i] for i in sorted(live)))
        body, used = _block(body, set())
        if isinstance(loop, While):
            used = used | _read(loop.condition)
        more = {i for i, value in enumerate(loop.parameters) if value in used} - live
        if not more:
            break
        live |= more
    if not body.ops and not needed.intersection(loop.results):
        # Without ops a loop only hands values around; whoever needs its results still needs it.
        return None, set()
    keep = sorted(live)
    trimmed = with_fields(
        loop,
        initial=tuple(loop.initial[i] for i in keep),
        parameters=tuple(loop.parameters[i] for i in keep),
        results=tuple(loop.results[i] for i in keep),
        body=body,
    )
    return trimmed, used - set(parameters(loop))


def _if(op: If, needed: Needed) -> tuple[Op | None, Needed]:
    """A choice with the results that matter."""
    keep = [i for i, value in enumerate(op.results) if value in needed]
    trimmed = with_fields(op, results=tuple(op.results[i] for i in keep))
    used: Needed = set()

    def live(block: Block) -> Block:
        nonlocal used
        block = with_fields(block, yields=tuple(block.yields[i] for i in keep))
        block, read = _block(block, set())
        used |= read
        return block

    chosen = with_blocks(trimmed, live)
    if not keep and not any(block.ops for block in blocks(chosen)):
        return None, set()
    return chosen, used
