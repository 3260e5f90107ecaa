"""What reaches each value of a block: a forward analysis over sets.

In: a block, what some of its values begin with, and what an op makes of its operands' sets. Out: the set of each value.
Sets join where values do: in what a loop carries, turn after turn until nothing is new, and behind an ``if``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from helion_compiler.program.fields import blocks, operands, parameters, results
from helion_compiler.program.ops import Loop, While

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from helion_compiler.program.ops import Block, Op
    from helion_compiler.program.types import Value

ElementT = TypeVar("ElementT")


class Flow(Generic[ElementT]):
    """The sets of values, as far as blocks were followed.

    ``made`` says what an op's results have, given the sets of values.
    """

    def __init__(
        self,
        made: Callable[[Op, Flow[ElementT]], frozenset[ElementT]],
        begin: Mapping[Value, frozenset[ElementT]] | None = None,
    ) -> None:
        self._made = made
        self._known = dict(begin or {})

    def of(self, *values: Value) -> frozenset[ElementT]:
        """What reaches any of these values."""
        nothing: frozenset[ElementT] = frozenset()
        return nothing.union(*(self._known.get(value, nothing) for value in values))

    def follow(self, block: Block) -> None:
        """Follow the ops of a block, and of blocks inside it."""
        for op in block.ops:
            if isinstance(op, Loop | While):
                self._turns(op)
                continue
            made = self._made(op, self)
            self._set(parameters(op), made)
            for inner in blocks(op):
                self.follow(inner)
                made |= self.of(*inner.yields)
            self._set(results(op), made)

    def _turns(self, loop: Loop | While) -> None:
        """Each carried value by itself, in as many turns as something new comes of."""
        carried = [self.of(value) for value in loop.initial]
        before = None
        while carried != before:
            before = carried
            self._known.update(zip(loop.parameters, carried, strict=True))
            for inner in blocks(loop):
                self.follow(inner)
            carried = [
                known | self.of(value)
                for known, value in zip(carried, loop.body.yields, strict=True)
            ]
        self._known.update(zip(loop.results, carried, strict=True))

    def _set(self, values: Iterable[Value], made: frozenset[ElementT]) -> None:
        self._known.update(dict.fromkeys(values, made))


def joined(op: Op, flow: Flow[ElementT]) -> frozenset[ElementT]:
    """What reaches any operand."""
    return flow.of(*operands(op))
