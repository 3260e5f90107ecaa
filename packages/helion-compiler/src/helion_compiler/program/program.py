"""The Program: everything a kernel means for one specialization, before a Config is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sympy
import torch

from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.program.ops import Block, Grid, Load, Loop, Op, Store
from helion_compiler.program.types import Value, WholeSlice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helion_compiler.program.types import Axis, BlockSize, Buffer, Size
    from helion_runtime.entries import (
        Expression,
        HostStep,
        OutputTree,
        ScalarSignature,
        TensorSignature,
    )


@attrs.frozen(eq=False, kw_only=True)
class Program:
    """One kernel, specialised.

    ``symbols`` says how each host symbol is read from a call; ``steps``, ``guard`` and ``outputs``
    are already in the runtime's terms, because no Config changes them. ``symbol_hints`` are the
    example's values of the host symbols. ``guard`` is what the meaning of the program depends on,
    ``assumptions`` what its binaries are built for besides.
    """

    name: str
    arguments: tuple[str, ...]
    signature: tuple[TensorSignature | ScalarSignature, ...]
    guard: tuple[Expression, ...]
    assumptions: tuple[Expression, ...] = ()
    symbols: Mapping[sympy.Symbol, Expression]
    symbol_hints: Mapping[sympy.Symbol, int]
    buffers: tuple[Buffer, ...]
    steps: tuple[HostStep, ...]
    outputs: OutputTree
    blocks: tuple[BlockSize, ...]
    equalities: Mapping[sympy.Symbol, sympy.Expr]
    """Host symbols that the guard makes equal to other expressions."""
    grid: Grid
    aliases: Mapping[int, int] = attrs.field(factory=dict)
    """Roots of buffers whose memory is another root's: what an operator of the host gave a view of."""
    host_writes: frozenset[int] = frozenset()
    """The arguments that host code writes into."""

    def owner(self, buffer: Buffer) -> int:
        """The root that owns the memory of ``buffer``."""
        return self.aliases.get(buffer.root, buffer.root)

    def same(self, first: Size, second: Size) -> bool:
        """Whether two sizes are equal wherever the guard holds."""
        return bool(sympy.expand(self.resolve(first) - self.resolve(second)) == 0)

    def resolve(self, size: Size) -> Size:
        """``size`` with equal symbols made one."""
        return size if isinstance(size, int) else size.xreplace(dict(self.equalities))

    def example(self, size: Size) -> int:
        """What ``size`` is in the example call."""
        return size if isinstance(size, int) else int(size.subs(dict(self.symbol_hints)))

    def padded(self, size: Size) -> int:
        """The lanes that hold ``size`` indices of the example call: a power of two."""
        return next_power_of_two(self.example(size))

    def walk(self) -> Iterator[Op]:
        """Every op, a loop before the ops of its body."""
        return walk(self.grid.body)

    def is_read(self, symbol: sympy.Symbol) -> bool:
        """Whether a host symbol is a number read from a tensor, of which binaries assume nothing."""
        source = self.symbols[symbol]
        return isinstance(source, list) and source[0] == "item"

    def computes_doubles(self) -> bool:
        """Whether some number on the device is a float64."""
        results = (getattr(op, "result", None) for op in self.walk())
        dtypes = {result.type.dtype for result in results if isinstance(result, Value)}
        return torch.float64 in dtypes | {buffer.dtype for buffer in self.buffers}

    def loops(self) -> tuple[Loop, ...]:
        """Every inner loop, in source order."""
        return tuple(op for op in self.walk() if isinstance(op, Loop))

    def loop_names(self) -> tuple[str, ...]:
        """A stable name for each of :meth:`loops`: its tiles', numbered from the second use on."""
        found: list[str] = []
        for loop in self.loops():
            base = "_".join(axis.name for axis in loop.axes)
            number = sum(name == base or name.startswith(f"{base}_") for name in found)
            found.append(f"{base}_{number}" if number else base)
        return tuple(found)

    def whole_axes(self) -> tuple[Axis, ...]:
        """The whole axes that values run along, in order of first use."""
        return whole_axes(self.grid.body)


def walk(block: Block) -> Iterator[Op]:
    """Every op of a block, a loop before the ops of its body."""
    for op in block.ops:
        yield op
        if isinstance(op, Loop):
            yield from walk(op.body)


def whole_axes(block: Block) -> tuple[Axis, ...]:
    """The whole axes that memory accesses of a block run along, in order of first use."""
    found: dict[Axis, None] = {}
    for op in walk(block):
        if isinstance(op, Load | Store):
            for subscript in op.subscripts:
                if isinstance(subscript, WholeSlice) and subscript.axis is not None:
                    found.setdefault(subscript.axis)
    return tuple(found)
