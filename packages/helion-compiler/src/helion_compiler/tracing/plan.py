"""Build the host's part of a Program: buffers, and the steps that make them, in the runtime's own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_compiler.program.expressions import to_runtime
from helion_compiler.program.types import Buffer, Size
from helion_runtime.entries import AllocateStep, HostStep, ViewStep

if TYPE_CHECKING:
    import torch

    from helion_compiler.tracing.symbols import Symbols
    from helion_runtime.entries import Expression

_UNNAMED = "buffer"


class PlanBuilder:
    """Collects buffers and steps. ``argument_count`` is where the numbers of steps' buffers begin."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self.buffers: list[Buffer] = []
        self.steps: list[HostStep] = []
        self.argument_count = 0

    def argument(self, position: int, name: str, tensor: torch.Tensor) -> Buffer:
        """A tensor argument or capture."""
        return self._add(position, name, tensor, root=position, offset=0)

    def allocation(self, tensor: torch.Tensor, fill: float | bool | None) -> Buffer:
        """A tensor that the host allocates."""
        sizes, strides = self._geometry(tensor)
        dtype = str(tensor.dtype).removeprefix("torch.")
        self.steps.append(AllocateStep(sizes=sizes, strides=strides, dtype=dtype, fill=fill))
        number = self._next_number()
        return self._add(number, f"{_UNNAMED}{number}", tensor, root=number, offset=0)

    def view(self, tensor: torch.Tensor, source: Buffer) -> Buffer:
        """``tensor`` as a view of what ``source`` is, or views itself; the source itself where nothing differs."""
        offset = self._symbols.expression(tensor.storage_offset())
        shape = tuple(self._symbols.expression(size) for size in tensor.shape)
        stride = tuple(self._symbols.expression(step) for step in tensor.stride())
        if (shape, stride, offset) == (source.shape, source.strides, source.offset):
            return source
        sizes, strides = self._geometry(tensor)
        step = ViewStep(
            buffer=source.root, sizes=sizes, strides=strides, offset=self.runtime(offset)
        )
        self.steps.append(step)
        return self._add(self._next_number(), source.name, tensor, root=source.root, offset=offset)

    def rename(self, buffer: Buffer, name: str) -> Buffer:
        """Call an allocation by the variable that holds it; a buffer that has a name keeps it."""
        if not buffer.name.startswith(_UNNAMED):
            return buffer
        named = attrs.evolve(buffer, name=name)
        self.buffers[self.buffers.index(buffer)] = named
        return named

    def runtime(self, size: Any) -> Expression:
        """A size as the runtime evaluates it."""
        return to_runtime(size, self._symbols.host)

    def _geometry(
        self, tensor: torch.Tensor
    ) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
        expression = self._symbols.expression
        return (
            tuple(self.runtime(expression(size)) for size in tensor.shape),
            tuple(self.runtime(expression(stride)) for stride in tensor.stride()),
        )

    def _next_number(self) -> int:
        return self.argument_count + len(self.steps) - 1

    def _add(
        self, number: int, name: str, tensor: torch.Tensor, *, root: int, offset: Size
    ) -> Buffer:
        expression = self._symbols.expression
        buffer = Buffer(
            number=number,
            name=name,
            dtype=tensor.dtype,
            shape=tuple(expression(size) for size in tensor.shape),
            strides=tuple(expression(stride) for stride in tensor.stride()),
            root=root,
            offset=offset,
        )
        self.buffers.append(buffer)
        return buffer
