"""Build the device's part of a Program: nested blocks of ops, the axes they run along, and stable names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from helion_compiler.program.ops import (
    Block,
    Op,
)
from helion_compiler.program.types import Axis, BlockSize, Size, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from helion_compiler.tracing.symbols import Symbols


@attrs.frozen
class Mark:
    """How much was recorded: ops of each open block, block sizes, axes, and how often each name was used."""

    ops: tuple[int, ...]
    blocks: int
    axes: int
    names: Mapping[str, int]


class BodyBuilder:
    """Collects ops. Blocks nest: a loop's body is recorded while its own block is open.

    ``blocks`` are the entries of ``block_sizes`` so far, ``axes`` those of the loops that are open.
    """

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self.blocks: list[BlockSize] = []
        self.axes: list[Axis] = []
        self.products: dict[Size, tuple[Size, ...]] = {}
        """What merged dimensions are made of: see :class:`helion_compiler.program.program.Program`."""
        self._open: list[list[Op]] = []
        self._names: dict[str, int] = {}

    def open_block(self, axes: tuple[Axis, ...]) -> None:
        """Start a block inside a loop over ``axes``."""
        self._open.append([])
        self.axes.extend(axes)

    def close_block(self, axes: tuple[Axis, ...], yields: tuple[Value, ...]) -> Block:
        """End the innermost block."""
        del self.axes[len(self.axes) - len(axes) :]
        return Block(ops=tuple(self._open.pop()), yields=yields)

    def take(self) -> list[Op]:
        """End the innermost block, which :meth:`reopen` goes on with; no loop's axes are its own."""
        return self._open.pop()

    def reopen(self, ops: list[Op]) -> None:
        """Go on with a block."""
        self._open.append(ops)

    def mark(self) -> Mark:
        """Where the recording stands, to return to by :meth:`rewind`."""
        return Mark(
            ops=tuple(len(ops) for ops in self._open),
            blocks=len(self.blocks),
            axes=len(self.axes),
            names=dict(self._names),
        )

    def rewind(self, mark: Mark) -> None:
        """Forget what was recorded since ``mark``."""
        del self._open[len(mark.ops) :]
        for ops, count in zip(self._open, mark.ops, strict=True):
            del ops[count:]
        del self.blocks[mark.blocks :]
        del self.axes[mark.axes :]
        self._names = dict(mark.names)

    @property
    def depth(self) -> int:
        """How many blocks are open."""
        return len(self._open)

    def append(self, op: Op) -> None:
        """Add an op to the innermost block."""
        self._open[-1].append(op)

    def new_block_size(
        self, name: str, size_hint: int, **bounds: Any
    ) -> tuple[BlockSize, torch.SymInt]:
        """A new entry of ``block_sizes``."""
        size = self._symbols.block_symbol()
        block = BlockSize(
            index=len(self.blocks),
            name=self.unique(name),
            symbol=self._symbols.expression(size),
            size_hint=size_hint,
            **bounds,
        )
        self.blocks.append(block)
        return block, size

    def twin(self, block: BlockSize) -> BlockSize:
        """The same entry of ``block_sizes`` for another loop inside: a size of its own, of the same number."""
        size = self._symbols.block_symbol()
        other = attrs.evolve(block, index=len(self.blocks), symbol=self._symbols.expression(size))
        self.blocks.append(other)
        return other

    def unique(self, name: str) -> str:
        """``name``, numbered from its second use on. Stable for a given source."""
        count = self._names[name] = self._names.get(name, -1) + 1
        return name if count == 0 else f"{name}_{count}"

    def in_author_words(self, text: str) -> str:
        """A message of torch's with the names of tiles for their symbols."""
        for block in self.blocks:
            text = re.sub(rf"\b{block.symbol}\b", block.name, text)
        return text

    def describe(self, sizes: Sequence[Size]) -> str:
        """A shape in the author's words: tiles by their names."""
        names = {block.symbol: block.name for block in self.blocks}
        words = (names.get(size) or self.in_author_words(str(size)) for size in sizes)
        return "[" + ", ".join(words) + "]"
