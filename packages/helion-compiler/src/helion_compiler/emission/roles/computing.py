"""A group of warps that computes: its rows of each tile, from the first product to what is stored."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs
import torch

from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.held import held
from helion_compiler.emission.memory import descriptor_begins, moved
from helion_compiler.emission.operations import EMITTERS
from helion_compiler.emission.roles.turns import each_tile
from helion_compiler.program.fields import made_by, operands, results
from helion_compiler.program.ops import Mask, Pointwise, Reduce, Store

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


@attrs.frozen
class _Carried:
    """Variables that go from turn to turn: ``names`` of what the loops carry, of which ``out`` is the accumulator, and
    ``weights`` of what the next turn multiplies for it.
    """

    names: tuple[str, ...]
    out: str
    weights: str


class _Computing:
    def __init__(self, context: RoleContext, memory: Memory) -> None:
        self._context = context
        self._memory = memory
        self._line = context.writer.line
        self._ready, self._free, self._kept_ready, self._kept_free = memory.barriers
        self._turns = context.roles.turns
        self._lanes = context.schedule.lanes
        late = {turn: self._rounding(turn) for turn in self._turns}
        self._late = late if all(late.values()) else dict.fromkeys(late, ())
        """What rounds weights, which comes when they are multiplied; of every loop, or of none."""

    def tile(self, turns: Turns) -> None:
        """A tile: its first turn, those that also do the second product of the turn before, and the last of these."""
        context, writer = self._context, self._context.writer
        self._ops(context.roles.before)
        carried = self._start()
        self._line(f"mbarrier.wait({self._kept_ready}.index(0), kept_phase)")
        self._line("kept_phase ^= 1")
        self._first_turn(turns, carried)
        for loop, end in enumerate(turns.ends):
            turn = writer.name("turn")
            self._line(f"for {turn} in range({turns.second_of(loop)}, {end}):")
            with writer.indented():
                self._further_turn(turns, loop, turn, carried)
        self._line(f"mbarrier.arrive({self._kept_free}.index(0), count=1)")
        self._second_product(carried)
        self._line(f"{carried.out} = warpgroup_mma_wait(0, deps=[{carried.out}])")
        self._give_back("buffer")
        self._context.advance()
        for value, name in zip(self._turns[-1].loop.results, carried.names, strict=True):
            context.bind(value, name)
        self._ops(context.roles.after)

    def _start(self) -> _Carried:
        """The variables of what the loops carry, and of the weights that go from turn to turn."""
        context, first = self._context, self._turns[0]
        for initial, parameter in zip(first.loop.initial, first.loop.parameters, strict=True):
            context.define(parameter, context.use(initial))
        names = tuple(map(context.use, first.loop.parameters))
        return _Carried(names, names[first.accumulator], context.writer.name("weights"))

    def _first_turn(self, turns: Turns, carried: _Carried) -> None:
        """The first product, and what is made of it; the second one waits for the next turn."""
        self._line(f"mbarrier.wait({self._ready}.index(buffer), phase)")
        product = self._first_product()
        self._line(f"{product} = warpgroup_mma_wait(0, deps=[{product}])")
        self._give_back("buffer")
        product = self._rounded(product)
        made = [self._context.writer.name(value.name) for value in self._made(self._turns[0])]
        self._front_of_first(turns, 0, product, carried, made)
        self._context.advance()
        self._finish(self._turns[0], made, carried)
        self._line(f"mbarrier.wait({self._ready}.index(buffer), phase)")

    def _front_of_first(
        self, turns: Turns, loop: int, product: str, carried: _Carried, made: Sequence[str]
    ) -> None:
        """The front of the tile's first turn, which is of the first loop that has one."""
        end = turns.ends[loop]
        if loop == len(turns.ends) - 1 or (end.isdigit() and int(end) > 0):
            self._assign(made, self._front(turns, loop, "0", product, carried))
            return
        self._line(f"if {end} > 0:")
        with self._context.writer.indented():
            self._assign(made, self._front(turns, loop, "0", product, carried))
        self._line("else:")
        with self._context.writer.indented():
            self._front_of_first(turns, loop + 1, product, carried, made)

    def _further_turn(self, turns: Turns, loop: int, turn: str, carried: _Carried) -> None:
        """Both products, and the front while they are computed."""
        used = self._context.writer.name("used")
        self._line("tl.debug_barrier()")  # Triton would put two later ones otherwise
        product = self._first_product()
        self._second_product(carried)
        self._line(f"{product} = warpgroup_mma_wait(1, deps=[{product}])")
        made = self._front(turns, loop, turn, self._rounded(product), carried)
        self._line(f"{used} = buffer")
        self._context.advance()
        # The branch of this wait keeps ptxas from moving the next one to before the front.
        self._line(f"mbarrier.wait({self._ready}.index(buffer), phase)")
        self._line(f"{carried.out} = warpgroup_mma_wait(0, deps=[{carried.out}])")
        self._give_back(used)
        self._finish(self._turns[loop], made, carried)

    def _front(
        self, turns: Turns, loop: int, turn: str, product: str, carried: _Carried
    ) -> list[str]:
        """What a turn makes of its first product for the rest of it; what it carries on is assigned."""
        context, own = self._context, self._turns[loop]
        axes = context.active()
        begin = context.writer.name(f"{own.axis.name}_begin")
        self._line(f"{begin} = {turns.begin(context, loop, turn)}")
        context.enter(own.axis, begin)
        context.bind(own.first.result, product)
        for parameter, name in zip(own.loop.parameters, carried.names, strict=True):
            context.bind(parameter, name)
        late = self._late[own]
        self._ops(op for op in own.front if op not in late)
        made = [self._kept(value, carried) for value in self._made(own)]
        yields = own.loop.body.yields
        places = [place for place in range(len(yields)) if place != own.accumulator]
        self._assign(
            [carried.names[place] for place in places],
            [context.use(yields[place]) for place in places],
        )
        context.restore(axes)
        return made

    def _kept(self, value: Value, carried: _Carried) -> str:
        """The variable of what a front makes for the rest of its turn: one of its own where it is what the turn was
        handed, since that is about to change.
        """
        name = self._context.use(value)
        if name in carried.names:
            self._context.define(value, name)
        return self._context.use(value)

    def _finish(self, turn: Turn, made: Sequence[str], carried: _Carried) -> None:
        """Hand the weights on to the next turn, and the accumulator as their product adds to it."""
        context = self._context
        for value, name in zip(self._made(turn), made, strict=True):
            context.bind(value, name)
        self._assign([carried.weights], [made[0]])
        context.bind(turn.loop.parameters[turn.accumulator], carried.out)
        self._ops(turn.rescale)
        assert turn.second.accumulator is not None
        self._assign([carried.out], [context.use(turn.second.accumulator)])

    def _made(self, turn: Turn) -> list[Value]:
        """What the front of a turn makes for the rest of it, or was handed: what its weights are made of first."""
        inside = {value for op in turn.front for value in results(op)} | set(turn.loop.parameters)
        inside.remove(turn.loop.parameters[turn.accumulator])
        needed = [value for op in turn.rescale for value in operands(op) if value in inside]
        late = self._late[turn]
        weights = operands(late[0])[0] if late else turn.second.lhs
        return list(dict.fromkeys([weights, *needed]))

    def _rounding(self, turn: Turn) -> tuple[Op, ...]:
        """What rounds the weights of a turn, to be done where the next one multiplies them: the tensor cores are at the
        first product by then, and LLVM takes numbers of 16 bits apart where they come together from branches. On an
        H200 attention was 1 to 4 % faster than with weights rounded by the front.

        Nothing where a mask that comes behind it hides lanes: that is the front's, which knows the block.
        """
        value = turn.second.lhs
        late: list[Op] = []
        makers = made_by(turn.front)
        uses = Counter(value for op in turn.front for value in operands(op))
        while (op := makers.get(value)) is not None and uses[value] <= bool(late):
            late.insert(0, op)
            if isinstance(op, Pointwise):
                is_cast = op.operator is torch.ops.prims.convert_element_type.default
                return tuple(late) if is_cast else ()
            if not isinstance(op, Mask) or not self._is_full(op, turn):
                break
            value = op.operand
        return ()

    def _is_full(self, mask: Mask, turn: Turn) -> bool:
        """Whether a mask along a turn's blocks hides nothing."""
        along = mask.operand.type.shape[mask.dim]
        return along == turn.axis.size and self._context.schedule.is_exact(turn.axis)

    def _assign(self, names: Sequence[str], texts: Sequence[str]) -> None:
        """Assign all at once, as one may read what another one was."""
        pairs = [(name, text) for name, text in zip(names, texts, strict=True) if name != text]
        if pairs:
            targets, values = zip(*pairs, strict=True)
            self._line(f"{', '.join(targets)} = {', '.join(values)}")

    def _first_product(self) -> str:
        """Issue a turn's first product; its name."""
        context, first = self._context, self._turns[0].first
        kept = _seen(context, self._memory.kept, context.group)
        block = self._operand(0)
        name = context.writer.name(first.result.name)
        none = context.full(first.result.type.shape, "0.0", first.accumulate)
        self._line(f"{name} = warpgroup_mma({kept}, {block}, {none}, use_acc=False, is_async=True)")
        return name

    def _rounded(self, product: str) -> str:
        """A first product as the author's operator gives it, which may be of its operands' type; its name."""
        first = self._turns[0].first
        if first.result.type.dtype == first.accumulate:
            return product
        rounded = self._context.writer.name(first.result.name)
        self._line(f"{rounded} = {product}.to({dtype_text(first.result.type.dtype)})")
        return rounded

    def _second_product(self, carried: _Carried) -> None:
        """Issue the second product of the turn that the weights are of, which are rounded for it only now: that goes
        on beside the first product.
        """
        context, turn = self._context, self._turns[0]
        block = self._operand(1)
        context.bind(self._made(turn)[0], carried.weights)
        self._ops(self._late[turn])
        left = context.factor(context.use(turn.second.lhs), self._lanes(turn.second.sizes[2]))
        self._line(f"{carried.out} = warpgroup_mma({left}, {block}, {carried.out}, is_async=True)")

    def _operand(self, place: int) -> str:
        """One of the right operands of a turn's products, in the buffer that is at hand."""
        text = _seen(self._context, self._memory.copied[place], "buffer")
        for move in self._turns[0].copied[place].moves:
            dims = held(self._context, move.operand.type.shape)
            text = _permuted(text, [dims.index(dim) for dim in move.order if dim in dims])
        return text

    def _give_back(self, buffer: str) -> None:
        self._line(f"mbarrier.arrive({self._free}.index({buffer}), count=1)")

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


def _seen(context: RoleContext, blocks: SharedBlocks, index: str) -> str:
    """A block in shared memory as the matrix that the kernel sees."""
    order, lanes = moved(context, blocks.op)
    text = f"{blocks.name}.index({index})"
    if lanes != list(blocks.descriptor.block):
        text = f"{text}.reshape({lanes})"
    return _permuted(text, [order.index(dim) for dim in range(len(order))])


def _permuted(text: str, order: list[int]) -> str:
    return text if order == sorted(order) else f"{text}.permute({order})"
