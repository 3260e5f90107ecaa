"""What emission rules share: the schedule, the writer, names of values and parameters, and the
indices of active axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_compiler.emission.parameters import (
    BufferParameter,
    DescriptorParameter,
    KernelParameter,
    ScalarParameter,
)
from helion_compiler.program.expressions import to_triton

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sympy

    from helion_compiler.emission.writer import Writer
    from helion_compiler.program.types import Axis, Buffer, Size, Value
    from helion_compiler.scheduling.schedule import Schedule

INT32_LIMIT = 1 << 31


@attrs.frozen
class AxisNames:
    """The variables of an active axis: where its block begins, its indices, and its mask where it needs one."""

    begin: str
    index: str
    mask: str | None


class EmissionContext:
    """The state of emitting one kernel."""

    def __init__(self, schedule: Schedule, writer: Writer, starts: Mapping[Value, Value]) -> None:
        self.schedule = schedule
        self.writer = writer
        self.uses: set[str] = set()
        self._starts = starts
        self._values: dict[Value, str] = {}
        self._own: set[Value] = set()
        self._parameters: dict[Any, KernelParameter] = {}
        self._axes: dict[Axis, AxisNames] = {}
        self._symbols: dict[sympy.Symbol, str] = {
            symbol: str(lanes) for symbol, lanes in schedule.block_sizes.items()
        }
        self.limits: dict[str, Size] = {}

    # Values.

    def define(self, value: Value, text: str) -> None:
        """Assign ``text`` to a new variable for ``value``.

        What only starts a loop's carried value is called as that is.
        """
        name = self.writer.name(self._starts.get(value, value).name)
        self._values[value] = name
        self._own.add(value)
        self.writer.line(f"{name} = {text}")

    def carry(self, initial: Value, parameter: Value) -> str:
        """The variable of a carried value, which starts as ``initial``: a new one unless that is its only use."""
        if initial in self._own and self._starts.get(initial) is parameter:
            self._values[parameter] = self._values[initial]
        else:
            self.define(parameter, self.use(initial))
        return self._values[parameter]

    def bind(self, value: Value, name: str) -> None:
        """Let ``value`` be the existing variable ``name``."""
        self._values[value] = name

    def use(self, value: Value) -> str:
        """The variable of a value."""
        return self._values[value]

    def shape(self, sizes: tuple[Size, ...]) -> str:
        """A shape in lanes, as Triton text."""
        return "[" + ", ".join(str(self.schedule.lanes(size)) for size in sizes) + "]"

    # Parameters.

    def pointer(self, buffer: Buffer) -> str:
        """The pointer parameter of a buffer."""
        return self._parameter(
            buffer, lambda: BufferParameter(self.writer.name(buffer.name), buffer)
        )

    def descriptor(self, buffer: Buffer, block: tuple[int, ...]) -> str:
        """The descriptor parameter of a buffer and block."""
        return self._parameter(
            (buffer, block),
            lambda: DescriptorParameter(
                self.writer.name(f"{buffer.name}_descriptor"), buffer, block
            ),
        )

    def _parameter(self, key: Any, make: Any) -> str:
        if key not in self._parameters:
            self._parameters[key] = make()
        return self._parameters[key].name

    def parameters(self) -> tuple[KernelParameter, ...]:
        """Every parameter: tensors by buffer number, then run-time numbers by name."""
        tensors = [p for p in self._parameters.values() if not isinstance(p, ScalarParameter)]
        scalars = [p for p in self._parameters.values() if isinstance(p, ScalarParameter)]
        tensors.sort(key=lambda p: (p.buffer.number, isinstance(p, DescriptorParameter), p.name))
        return (*tensors, *sorted(scalars, key=lambda p: p.name))

    # Numbers.

    def text(self, size: Size) -> str:
        """A size or position as Triton text; host symbols become parameters."""
        resolved = self.schedule.program.resolve(size)
        if not isinstance(resolved, int):
            for symbol in sorted(resolved.free_symbols, key=str):
                self._name_symbol(symbol)
        return to_triton(resolved, self._symbols)

    def float_text(self, symbol: sympy.Symbol, *, double: bool) -> str:
        """A float that the host passes, as Triton text: a float64 if ``double``, else a float32."""
        text = self.text(symbol)
        both = self.schedule.program.computes_doubles()
        return f"{text}.to(tl.float32)" if both and not double else text

    def _name_symbol(self, symbol: sympy.Symbol) -> None:
        program = self.schedule.program
        if symbol in self._symbols or symbol not in program.symbols:
            return
        source = program.symbols[symbol]
        assert isinstance(source, list)
        kind, position, *dim = source
        if kind not in ("argument", "size", "stride"):
            wanted = "item" if kind == "item" else "number"
        else:
            owner = program.arguments[int(position)]  # type: ignore[arg-type]  # an argument's position
            wanted = "_".join((owner, *(() if kind == "argument" else (str(kind), *map(str, dim)))))
        self._symbols[symbol] = self._parameter(
            symbol, lambda: ScalarParameter(self.writer.name(wanted), symbol)
        )

    # Axes.

    def enter(self, axis: Axis, begin: str) -> None:
        """Make an axis active: its block begins at the variable ``begin``."""
        assert axis.offset is not None
        self._symbols[axis.offset] = begin
        lanes = self.schedule.axis_lanes(axis)
        index = self.writer.name(f"{axis.name}_index")
        self.writer.line(f"{index} = {begin} + tl.arange(0, {lanes})")
        self._axes[axis] = AxisNames(begin, index, self._mask(axis, index))

    def whole(self, axis: Axis) -> AxisNames:
        """The variables of a whole axis, written where they are first needed."""
        if axis not in self._axes:
            lanes = self.schedule.axis_lanes(axis)
            index = self.writer.name("whole_index")
            self.writer.line(f"{index} = tl.arange(0, {lanes})")
            self._axes[axis] = AxisNames("0", index, self._mask(axis, index))
        return self._axes[axis]

    def axis(self, axis: Axis) -> AxisNames:
        """The variables of an active or whole axis."""
        return self.whole(axis) if axis.whole else self._axes[axis]

    def _mask(self, axis: Axis, index: str) -> str | None:
        if self.schedule.is_exact(axis):
            return None
        mask = self.writer.name(index.replace("_index", "_mask"))
        self.writer.line(f"{mask} = {index} < {self.text(axis.end)}")
        return mask

    def active(self) -> dict[Axis, AxisNames]:
        """A copy of the active axes, to restore after a loop."""
        return dict(self._axes)

    def restore(self, axes: dict[Axis, AxisNames]) -> None:
        """Return to the axes that were active before a loop."""
        self._axes = axes


def expand(text: str, rank: int, dim: int) -> str:
    """A one-dimensional variable as dimension ``dim`` of ``rank`` dimensions."""
    if rank == 1:
        return text
    return f"{text}[{', '.join(':' if i == dim else 'None' for i in range(rank))}]"
