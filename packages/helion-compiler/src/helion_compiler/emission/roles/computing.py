"""A group of warps that computes: its rows of each tile, from the first product to what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.emission.memory import descriptor_begins, moved
from helion_compiler.emission.operations import EMITTERS
from helion_compiler.emission.roles.turns import each_tile
from helion_compiler.program.fields import operands, results
from helion_compiler.program.ops import Reduce, Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helion_compiler.emission.grid import GridPlan
    from helion_compiler.emission.roles.context import RoleContext
    from helion_compiler.emission.roles.memory import Memory, SharedBlocks
    from helion_compiler.emission.roles.turns import Turns
    from helion_compiler.program.ops import Op
    from helion_compiler.program.types import Value
    from helion_compiler.scheduling.warp_roles import Turn


def emit_computing(context: RoleContext, plan: GridPlan, memory: Memory) -> str:
    """The body of its function."""
    with context.role(computes=True) as writer:
        computing = _Computing(context, memory)
        writer.line("buffer, phase, kept_phase = 0, 0, 0")
        with each_tile(context, plan) as turns:
            computing.tile(turns)
        if memory.stored:
            writer.line("tma.store_wait(0)")
        return writer.text()


class _Computing:
    def __init__(self, context: RoleContext, memory: Memory) -> None:
        self._context = context
        self._memory = memory
        self._line = context.writer.line
        self._ready, self._free, self._kept_ready, self._kept_free = memory.barriers
        self._turn = context.roles.turns[0]
        self._lanes = context.schedule.lanes
        self._columns = self._lanes(self._turn.second.sizes[2])

    def tile(self, turns: Turns) -> None:
        """A tile: its first turn, those that also do the second product of the turn before, and the last of these."""
        context = self._context
        self._ops(context.roles.before)
        carried = self._start()
        out = carried[self._turn.accumulator]
        context.bind(self._turn.loop.parameters[self._turn.accumulator], out)
        self._line(f"mbarrier.wait({self._kept_ready}.index(0), kept_phase)")
        self._line("kept_phase ^= 1")
        weights = context.writer.name("weights")
        self._first_turn(turns, carried, weights)
        turn = context.writer.name("turn")
        self._line(f"for {turn} in range(1, {turns.total}):")
        with context.writer.indented():
            self._further_turn(turns, turn, carried, weights)
        self._line(f"mbarrier.arrive({self._kept_free}.index(0), count=1)")
        self._second_product(out, weights)
        self._line(f"{out} = warpgroup_mma_wait(0, deps=[{out}])")
        self._give_back("buffer")
        self._advance()
        for value, name in zip(context.roles.turns[-1].loop.results, carried, strict=True):
            context.bind(value, name)
        self._ops(context.roles.after)

    def _start(self) -> list[str]:
        """The variables of what the loops carry."""
        context, loop = self._context, self._turn.loop
        names = []
        for initial, parameter in zip(loop.initial, loop.parameters, strict=True):
            context.define(parameter, context.use(initial))
            names.append(context.use(parameter))
        return names

    def _first_turn(self, turns: Turns, carried: Sequence[str], weights: str) -> None:
        self._line(f"mbarrier.wait({self._ready}.index(buffer), phase)")
        product = self._first_product()
        self._line(f"{product} = warpgroup_mma_wait(0, deps=[{product}])")
        self._give_back("buffer")
        newer = self._front(turns, "0", product, carried)
        self._advance()
        self._weights(weights, newer)
        self._rescale(carried)
        self._line(f"mbarrier.wait({self._ready}.index(buffer), phase)")

    def _further_turn(self, turns: Turns, turn: str, carried: Sequence[str], weights: str) -> None:
        out, used = carried[self._turn.accumulator], self._context.writer.name("used")
        self._line("tl.debug_barrier()")  # Triton would put two later ones otherwise
        product = self._first_product()
        self._second_product(out, weights)
        self._line(f"{product} = warpgroup_mma_wait(1, deps=[{product}])")
        newer = self._front(turns, turn, product, carried)
        self._line(f"{used} = buffer")
        self._advance()
        # The branch of this wait keeps ptxas from moving the next one to before the front.
        self._line(f"mbarrier.wait({self._ready}.index(buffer), phase)")
        self._line(f"{out} = warpgroup_mma_wait(0, deps=[{out}])")
        self._give_back(used)
        self._weights(weights, newer)
        self._rescale(carried)

    def _front(self, turns: Turns, turn: str, product: str, carried: Sequence[str]) -> str:
        """What a turn computes of its first product; the name of the second one's left operand.

        Where there are several loops, the turn is of one of them.
        """
        shared = self._shared_names(self._context.roles.turns[0])
        self._branch(turns, turn, product, carried, 0, shared)
        return shared[0]

    def _shared_names(self, turn: Turn) -> list[str]:
        """Names for what any loop's front makes for the rest of its turn."""
        return [self._context.writer.name(value.name) for value in _made(turn)]

    def _branch(
        self,
        turns: Turns,
        turn: str,
        product: str,
        carried: Sequence[str],
        loop: int,
        shared: Sequence[str],
    ) -> None:
        """The front of one of the loops, if the turn is its, else that of a later one."""
        writer = self._context.writer
        last = loop == len(self._context.roles.turns) - 1
        if last or (turn == "0" and turns.ends[loop].isdigit() and int(turns.ends[loop]) > 0):
            self._own_front(turns, turn, product, carried, loop, shared)
            return
        self._line(f"if {turn} < {turns.ends[loop]}:")
        with writer.indented():
            self._own_front(turns, turn, product, carried, loop, shared)
        self._line("else:")
        with writer.indented():
            self._branch(turns, turn, product, carried, loop + 1, shared)

    def _own_front(
        self,
        turns: Turns,
        turn: str,
        product: str,
        carried: Sequence[str],
        loop: int,
        shared: Sequence[str],
    ) -> None:
        context = self._context
        own = context.roles.turns[loop]
        axes = context.active()
        begin = context.writer.name(f"{own.axis.name}_begin")
        self._line(f"{begin} = {turns.begin(context, loop, turn)}")
        context.enter(own.axis, begin)
        context.bind(own.first.result, product)
        for parameter, name in zip(own.loop.parameters, carried, strict=True):
            context.bind(parameter, name)
        self._ops(own.front)
        made = [context.use(value) for value in _made(own)]
        handed = [
            (name, context.use(value))
            for place, (name, value) in enumerate(zip(carried, own.loop.body.yields, strict=True))
            if place != own.accumulator
        ]
        names = [*shared, *(name for name, _ in handed)]
        self._line(f"{', '.join(names)} = {', '.join([*made, *(text for _, text in handed)])}")
        context.restore(axes)
        for value, name in zip(_made(self._turn), shared, strict=True):
            context.bind(value, name)

    def _rescale(self, carried: Sequence[str]) -> None:
        """What becomes of the accumulator before the turn's second product adds to it."""
        turn, context = self._turn, self._context
        out = carried[turn.accumulator]
        context.bind(turn.loop.parameters[turn.accumulator], out)
        self._ops(turn.rescale)
        assert turn.second.accumulator is not None
        rescaled = context.use(turn.second.accumulator)
        if rescaled != out:
            self._line(f"{out} = {rescaled}")

    def _weights(self, weights: str, newer: str) -> None:
        self._line(f"{weights} = {self._context.factor(newer, self._columns)}")

    def _first_product(self) -> str:
        """Issue a turn's first product; its name."""
        context, first = self._context, self._turn.first
        kept = _seen(context, self._memory.kept, context.group)
        block = _seen(context, self._memory.copied[0], "buffer")
        rows, _, columns = map(self._lanes, first.sizes)
        name = context.writer.name(first.result.name)
        none = context.full(first.result.type.shape, "0.0", first.accumulate)
        assert rows == self._lanes(context.roles.rows.size) and columns == context.keys
        self._line(f"{name} = warpgroup_mma({kept}, {block}, {none}, use_acc=False, is_async=True)")
        return name

    def _second_product(self, out: str, weights: str) -> None:
        """Issue the second product of the turn that the weights are of."""
        block = _seen(self._context, self._memory.copied[1], "buffer")
        self._line(f"{out} = warpgroup_mma({weights}, {block}, {out}, is_async=True)")

    def _give_back(self, buffer: str) -> None:
        self._line(f"mbarrier.arrive({self._free}.index({buffer}), count=1)")

    def _advance(self) -> None:
        self._context.uses.add("next_buffer")
        self._line(
            f"buffer, phase = next_buffer(buffer, phase, {self._context.schedule.num_stages})"
        )

    # Ops.

    def _ops(self, ops: Iterable[Op]) -> None:
        for op in ops:
            self._context.writer.origin(getattr(op, "location", None))
            if isinstance(op, Store) and op.name in self._memory.stored:
                self._store(op, self._memory.stored[op.name])
                continue
            EMITTERS[type(op)](self._context, op)
            if isinstance(op, Reduce):
                self._settle(op)

    def _settle(self, op: Reduce) -> None:
        """Lay what was reduced as others of its shape are."""
        context, name = self._context, self._context.use(op.result)
        text = context.reduced(
            name, op.result.type.shape, self._lanes(op.operand.type.shape[op.dim])
        )
        if text != name:
            self._line(f"{name} = {text}")

    def _store(self, op: Store, blocks: SharedBlocks) -> None:
        """Have a result copied to memory, from shared memory that the copy before has left."""
        context = self._context
        block = f"{blocks.name}.index({context.group})"
        self._line("tma.store_wait(0)")
        self._line(f"{_seen(context, blocks, context.group)}.store({context.use(op.value)})")
        self._line("fence_async_shared()")
        begins = descriptor_begins(context, op)
        self._line(
            f"tma.async_copy_shared_to_global({blocks.descriptor.name}, [{begins}], {block})"
        )


def _made(turn: Turn) -> list[Value]:
    """What the front of a turn makes for the rest of it: the second product's left operand first."""
    inside = {value for op in turn.front for value in results(op)}
    needed = [value for op in turn.rescale for value in operands(op) if value in inside]
    return list(dict.fromkeys([turn.second.lhs, *needed]))


def _seen(context: RoleContext, blocks: SharedBlocks, index: str) -> str:
    """A block in shared memory as the matrix that the kernel sees."""
    order, lanes = moved(context, blocks.op)
    text = f"{blocks.name}.index({index})"
    if lanes != list(blocks.descriptor.block):
        text = f"{text}.reshape({lanes})"
    if order != sorted(order):
        text = f"{text}.permute({[order.index(dim) for dim in range(len(order))]})"
    return text
