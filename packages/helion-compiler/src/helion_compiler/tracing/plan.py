"""Build the host's part of a Program: buffers, and the steps that make them, in the runtime's own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion import exc
from helion_compiler.program.expressions import to_runtime
from helion_compiler.program.types import Buffer, Size
from helion_compiler.tracing.location import here
from helion_runtime.entries import (
    AllocateStep,
    CallStep,
    HostStep,
    ReadStep,
    ResultEntry,
    ViewStep,
    numbers_taken,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    import torch

    from helion.exc import Span
    from helion_compiler.tracing.symbols import Symbols
    from helion_runtime.entries import CallTree, Expression, ScalarSignature, TensorSignature

_UNNAMED = "buffer"


def dtype_name(dtype: torch.dtype) -> str:
    """``"bfloat16"`` for ``torch.bfloat16``."""
    return str(dtype).removeprefix("torch.")


class PlanBuilder:
    """Collects buffers and steps. ``argument_count`` is where the numbers of steps' buffers begin.

    ``launched`` says that a tile loop has been traced: what computes from now on runs behind the
    launch. ``guard`` is what the trace assumed of numbers that the host read; ``aliases`` maps the
    roots of buffers that share another's memory to the root that owns it; ``places`` says where calls
    and reads stand in the source, by their position among the steps.
    """

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self.buffers: list[Buffer] = []
        self.steps: list[HostStep] = []
        self.places: dict[int, Span | None] = {}
        self.guard: list[Expression] = []
        self.aliases: dict[int, int] = {}
        self.signature: tuple[TensorSignature | ScalarSignature, ...] = ()
        self.argument_count = 0
        self.launched = False
        self.draws_numbers = False
        self.written_arguments: set[int] = set()

    def argument(self, position: int, name: str, tensor: torch.Tensor) -> Buffer:
        """A tensor argument or capture."""
        return self._add(position, name, tensor, root=position, offset=0)

    def allocation(self, tensor: torch.Tensor, fill: float | bool | None) -> Buffer:
        """A tensor that the host allocates."""
        sizes, strides = self._geometry(tensor)
        number = self._next_number()
        self.steps.append(
            AllocateStep(sizes=sizes, strides=strides, dtype=dtype_name(tensor.dtype), fill=fill)
        )
        return self._add(number, f"{_UNNAMED}{number}", tensor, root=number, offset=0)

    def call(
        self,
        operator: str,
        arguments: tuple[CallTree, ...],
        keywords: tuple[tuple[str, CallTree], ...],
        results: Sequence[torch.Tensor],
        alias_of: Buffer | None = None,
        *,
        before_launch: bool = False,
    ) -> list[Buffer]:
        """An operator that is called on every call, and the buffers of its ``results``.

        ``alias_of`` is the buffer whose memory they share, where they do. Called behind the launch if a tile
        loop has been traced, except ``before_launch``.
        """
        number = self._next_number()
        entries = tuple(
            ResultEntry(*self._geometry(tensor), dtype_name(tensor.dtype)) for tensor in results
        )
        self.places[len(self.steps)] = here()
        behind = self.launched and not before_launch
        self.steps.append(CallStep(operator, arguments, keywords, entries, behind))
        if alias_of is not None:
            owner = self.owner(alias_of)
            self.aliases.update(dict.fromkeys(range(number, number + len(entries)), owner))
        return [
            self._add(n, f"{_UNNAMED}{n}", tensor, root=n, offset=0)
            for n, tensor in enumerate(results, start=number)
        ]

    def read(
        self, buffer: Buffer, kind: Literal["int", "float", "bool"], *, again: bool
    ) -> Expression:
        """The element of ``buffer``, as an expression. ``again`` says that a call may start once more
        after it."""
        number = self._next_number()
        self.places[len(self.steps)] = here()
        self.steps.append(ReadStep(buffer.number, kind, again, self.launched))
        return ["item", number]

    @property
    def can_be_told(self) -> bool:
        """Whether the arguments alone decide what the host has computed, and computing it once more
        changes nothing."""
        return not (self.launched or self.draws_numbers or self.written_arguments)

    def note_writes(self, buffers: Iterable[Buffer | None]) -> None:
        """The host writes into these."""
        for buffer in buffers:
            if buffer is not None and self.owner(buffer) < self.argument_count:
                self.written_arguments.add(self.owner(buffer))

    def owners(self, numbers: Iterable[int]) -> set[int]:
        """The roots that own the memory of the buffers with these numbers."""
        wanted = set(numbers)
        return {self.owner(buffer) for buffer in self.buffers if buffer.number in wanted}

    def owner(self, buffer: Buffer) -> int:
        """The root that owns the memory of a buffer."""
        return self.aliases.get(buffer.root, buffer.root)

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
        number = self._next_number()
        self.steps.append(step)
        return self._add(number, source.name, tensor, root=source.root, offset=offset)

    def rename(self, buffer: Buffer, name: str) -> Buffer:
        """Call an allocation by the variable that holds it; a buffer that has a name keeps it, and so does one that
        another variable, which holds a view of all of it, has named since.
        """
        if not buffer.name.startswith(_UNNAMED):
            return buffer
        place = next(p for p, one in enumerate(self.buffers) if one.number == buffer.number)
        known = self.buffers[place]
        if known.name.startswith(_UNNAMED):
            known = self.buffers[place] = attrs.evolve(known, name=name)
        return known

    def runtime(self, size: Any) -> Expression:
        """A size as the runtime evaluates it."""
        return to_runtime(self._symbols.lanes(size), self._symbols.planned)

    def number(self, value: torch.SymInt | torch.SymFloat | torch.SymBool) -> Expression:
        """A number of Python's as the runtime evaluates it.

        Raises:
            helion.exc.StatementNotSupported: it is no expression that the runtime has words for.
        """
        try:
            return self.runtime(value.node.expr)
        except ValueError as error:
            raise exc.StatementNotSupported(
                span=here(),
                statement=str(value),
                remedy="compute the number before calling the kernel, and pass it as an argument",
                notes=(str(error),),
            ) from error

    def _geometry(
        self, tensor: torch.Tensor
    ) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
        expression = self._symbols.expression
        return (
            tuple(self.runtime(expression(size)) for size in tensor.shape),
            tuple(self.runtime(expression(stride)) for stride in tensor.stride()),
        )

    def _next_number(self) -> int:
        return self.argument_count + sum(map(numbers_taken, self.steps))

    def _add(
        self, number: int, name: str, tensor: torch.Tensor, *, root: int, offset: Size
    ) -> Buffer:
        lanes = self._symbols.lanes
        buffer = Buffer(
            number=number,
            name=name,
            dtype=tensor.dtype,
            shape=tuple(lanes(size) for size in tensor.shape),
            strides=tuple(lanes(stride) for stride in tensor.stride()),
            root=root,
            offset=offset,
        )
        self.buffers.append(buffer)
        return buffer
