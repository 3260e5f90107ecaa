"""The Program: everything a kernel means for one specialization, before a Config is chosen."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs
import sympy
import torch

from helion_compiler.program.expressions import next_power_of_two, with_numbers
from helion_compiler.program.fields import blocks, operands, parameters, results, with_fields
from helion_compiler.program.ops import Atomic, Block, Grid, Load, Loop, Op, Part, Range, Store
from helion_compiler.program.types import WholeSlice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from helion_compiler.program.types import Axis, BlockSize, Buffer, Size, Value
    from helion_runtime.entries import (
        Expression,
        HostStep,
        OutputTree,
        ScalarSignature,
        TensorSignature,
    )


@attrs.frozen(eq=False, kw_only=True, slots=False)
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
    equalities: Mapping[sympy.Expr, sympy.Expr]
    """Host symbols that the guard makes equal to other expressions, and expressions that it makes a number."""
    products: Mapping[Size, tuple[Size, ...]] = attrs.field(factory=dict)
    """What merged dimensions are made of, by their size: the sizes of the dimensions, in row-major order."""
    grids: tuple[Grid, ...]
    barrier: Buffer | None = None
    """One int32, zero at the start of each call, in which programs count themselves at barriers."""

    tunables: Mapping[str, Any] = attrs.field(factory=dict)
    """What the kernel registers for configs to choose, by name: fragments of :mod:`helion.autotuner`. Another
    choice is another Program."""

    aliases: Mapping[int, int] = attrs.field(factory=dict)
    """Roots of buffers whose memory is another root's: what an operator of the host gave a view of."""
    host_writes: frozenset[int] = frozenset()
    """The arguments that host code writes into."""
    host_draws: bool = False
    """Whether host code draws random numbers."""

    def owner(self, buffer: Buffer) -> int:
        """The root that owns the memory of ``buffer``."""
        return self.aliases.get(buffer.root, buffer.root)

    def with_bodies(self, change: Callable[[Block], Block]) -> Program:
        """The same Program with every grid's body changed."""
        grids = tuple(with_fields(grid, body=change(grid.body)) for grid in self.grids)
        return with_fields(self, grids=grids)

    def same(self, first: Size, second: Size) -> bool:
        """Whether two sizes are equal wherever the guard holds."""
        return bool(sympy.expand(self.resolve(first) - self.resolve(second)) == 0)

    def resolve(self, size: Size) -> Size:
        """``size`` with equal symbols made one."""
        return size if isinstance(size, int) else size.xreplace(dict(self.equalities))

    def example(self, size: Size) -> int:
        """What ``size`` is in the example call, with tiles as large as their loops."""
        return size if isinstance(size, int) else int(with_numbers(size, self._hints))

    @cached_property
    def _hints(self) -> dict[sympy.Symbol, int]:
        """What each symbol of a size is in the example call."""
        return {**self.symbol_hints, **{block.symbol: block.size_hint for block in self.blocks}}

    def padded(self, size: Size) -> int:
        """The lanes that hold ``size`` indices of the example call: a power of two."""
        return next_power_of_two(self.example(size))

    def walk(self) -> Iterator[Op]:
        """Every op, each before the ops of its blocks."""
        return iter(self._ops)

    @cached_property
    def _ops(self) -> tuple[Op, ...]:
        return tuple(op for grid in self.grids for op in walk(grid.body))

    def accesses(self) -> tuple[Load | Store | Atomic, ...]:
        """Every access to memory, in source order."""
        return self._accesses

    @cached_property
    def _accesses(self) -> tuple[Load | Store | Atomic, ...]:
        return tuple(op for op in self._ops if isinstance(op, Load | Store | Atomic))

    def written(self) -> frozenset[int]:
        """The owners of memory that the device writes."""
        return frozenset(
            self.owner(op.buffer)
            for op in self.accesses()
            if not isinstance(op, Load) and op.addresses is None
        )

    def written_arguments(self) -> frozenset[int]:
        """The arguments that a call writes into, on the device or around it."""
        return frozenset(
            number for number in self.host_writes | self.written() if number < len(self.arguments)
        )

    def follows_addresses(self) -> bool:
        """Whether the device reads or writes memory that it knows by its address alone."""
        return any(op.addresses is not None for op in self.accesses())

    def is_read(self, symbol: sympy.Symbol) -> bool:
        """Whether a host symbol is read from a tensor or from the device: binaries assume nothing of such."""
        source = self.symbols[symbol]
        return isinstance(source, list) and source[0] in ("item", "sm_count")

    def computes_doubles(self) -> bool:
        """Whether some number on the device is a float64."""
        dtypes = {value.type.dtype for op in self.walk() for value in results(op)}
        return torch.float64 in dtypes | {buffer.dtype for buffer in self.buffers}

    def loops(self) -> tuple[Loop, ...]:
        """Every inner loop, in source order."""
        return tuple(op for op in self.walk() if isinstance(op, Loop))

    def loop_axes(self) -> tuple[Axis, ...]:
        """The axes of every loop: the grids', then the inner loops', in source order."""
        outer = (axis for grid in self.grids for axis in grid.axes)
        return (*outer, *(axis for loop in self.loops() for axis in loop.axes))

    def loop_names(self) -> tuple[str, ...]:
        """A stable name for each of :meth:`loops`: its tiles', numbered from the second use on."""
        return _numbered("_".join(axis.name for axis in loop.axes) for loop in self.loops())

    def grid_names(self) -> tuple[str, ...]:
        """A stable name for each of ``grids``."""
        return _numbered("grid" for _ in self.grids)

    def whole_axes(self) -> tuple[Axis, ...]:
        """The whole axes that values run along, in order of first use."""
        found: dict[Axis, None] = {}
        for grid in self.grids:
            found |= dict.fromkeys(whole_axes(grid.body))
        return tuple(found)


def _numbered(names: Iterator[str]) -> tuple[str, ...]:
    found: list[str] = []
    for base in names:
        number = sum(name == base or name.startswith(f"{base}_") for name in found)
        found.append(f"{base}_{number}" if number else base)
    return tuple(found)


def walk(block: Block) -> Iterator[Op]:
    """Every op of a block, each before the ops of its own blocks."""
    for op in block.ops:
        yield op
        for inner in blocks(op):
            yield from walk(inner)


def accesses(block: Block) -> tuple[Load | Store | Atomic, ...]:
    """Every access to memory of a block, at any depth."""
    return tuple(op for op in walk(block) if isinstance(op, Load | Store | Atomic))


def count_uses(block: Block) -> Counter[Value]:
    """How often each value is read in a block, or handed on by it or by a block in it."""
    found = Counter(block.yields)
    for op in walk(block):
        found.update(operands(op))
        for inner in blocks(op):
            found.update(inner.yields)
    return found


def defined(block: Block) -> set[Value]:
    """Every value that the ops of a block define, at any depth."""
    return {value for op in walk(block) for value in (*results(op), *parameters(op))}


def whole_axes(block: Block) -> tuple[Axis, ...]:
    """The whole axes that accesses and ranges of a block run along, in whole or in part, in order of first use."""
    found: dict[Axis, None] = {}
    for op in walk(block):
        if isinstance(op, Load | Store | Atomic):
            for subscript in op.subscripts:
                if isinstance(subscript, WholeSlice) and subscript.axis is not None:
                    found.setdefault(subscript.axis)
        elif isinstance(op, Range) and op.axis.whole:
            found.setdefault(op.axis)
        elif isinstance(op, Part) and op.axis.cuts is not None and op.axis.cuts.whole:
            found.setdefault(op.axis.cuts)
    return tuple(found)
