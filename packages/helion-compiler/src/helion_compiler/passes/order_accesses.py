"""Put a Fence where a program reads, or writes again, memory that it wrote or read before.

Threads of one program share tiles: what one thread stores, another may load. Inside a loop, what the body
does counts as done before the body, too. Programs of other tiles are another matter: they run in no
order, and a kernel that needs one has a barrier.

Writing where the same subscripts were read or written before needs no fence: each lane is the same
thread's. Nor do loops of which one ends where the other begins. Atomics need none among themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.passes.disjoint_tiles import DisjointTiles
from helion_compiler.program.fields import blocks, with_blocks, with_fields
from helion_compiler.program.ops import Access, Atomic, Block, Fence, Load, Loop, Op, Store, While
from helion_compiler.program.program import accesses

if TYPE_CHECKING:
    from helion_compiler.program.program import Program

_ACCESSES = (Load, Store, Atomic)


def order_accesses(program: Program) -> Program:
    """The same Program with fences between accesses that have to keep their order."""
    return program.with_bodies(lambda body: _Orderer(program).block(body))


class _Orderer:
    """``earlier`` are the accesses since the last fence, to memory that the kernel writes."""

    def __init__(self, program: Program) -> None:
        self._owner = program.owner
        self._written = program.written()
        self._stacked = any(
            op.addresses is not None and not isinstance(op, Load) for op in program.accesses()
        )
        self._disjoint = DisjointTiles(program)
        self._earlier: list[Access] = []

    def block(self, block: Block) -> Block:
        ops: list[Op] = []
        for op in block.ops:
            ops += self._op(op)
        return with_fields(block, ops=tuple(ops))

    def _op(self, op: Op) -> list[Op]:
        if isinstance(op, _ACCESSES) and self._matters(op):
            return self._access(op)
        return [self._nested(op)] if blocks(op) else [op]

    def _access(self, op: Access) -> list[Op]:
        fenced = any(self._must_wait(op, earlier) for earlier in self._earlier)
        if fenced:
            self._earlier.clear()
        self._earlier.append(op)
        return [Fence(location=op.location), op] if fenced else [op]

    def _nested(self, op: Op) -> Op:
        if isinstance(op, Loop | While):
            self._earlier += [inner for body in blocks(op) for inner in self._accesses(body)]
        before = list(self._earlier)
        after: list[Access] = []

        def ordered(block: Block) -> Block:
            self._earlier = list(before)
            changed = self.block(block)
            after.extend(self._earlier)
            return changed

        op = with_blocks(op, ordered)
        self._earlier = list(dict.fromkeys([*before, *after]))
        return op

    def _accesses(self, block: Block) -> list[Access]:
        return [op for op in accesses(block) if self._matters(op)]

    def _matters(self, op: Access) -> bool:
        """Whether memory may change that an access touches: what lies at an address may be any tensor's."""
        return self._stacked or self._owner(op.buffer) in self._written

    def _must_wait(self, later: Access, earlier: Access) -> bool:
        known = later.addresses is None and earlier.addresses is None
        if known and self._owner(later.buffer) != self._owner(earlier.buffer):
            return False
        if self._disjoint.apart(later, earlier):
            return False
        match earlier, later:
            case (Load(), Load()) | (Atomic(), Atomic()):
                return False
            case _, Load():
                return True
            case _:
                same = later.buffer is earlier.buffer and later.addresses is earlier.addresses
                return not same or later.subscripts != earlier.subscripts
