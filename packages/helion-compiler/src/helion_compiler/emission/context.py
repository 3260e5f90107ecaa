"""What emission rules share: the schedule, the writer, names of values and parameters, and the
indices of active axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.held import position, spread
from helion_compiler.emission.parameters import (
    BufferParameter,
    DescriptorParameter,
    KernelParameter,
    ScalarParameter,
)
from helion_compiler.emission.writer import Writer
from helion_compiler.program.alignment import Alignment
from helion_compiler.program.choices import choosing_narrowed, masks_of_conditions
from helion_compiler.program.expressions import to_triton
from helion_compiler.program.types import Value, whole_axis
from helion_compiler.program.views import renewed_values
from helion_compiler.space.descriptors import descriptor_order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import sympy
    import torch

    from helion_compiler.program.foreign_ops import ForeignFunction
    from helion_compiler.program.ops import Block, Mask
    from helion_compiler.program.types import Axis, Buffer, Size
    from helion_compiler.scheduling.schedule import Schedule

INT32_LIMIT = 1 << 31


@attrs.frozen
class AxisNames:
    """The variables of an active axis: where its block begins, its indices, and its mask where it needs one."""

    begin: str
    index: str
    mask: str | None
    ends: str | None = None
    """Where each lane of a jagged axis ends, along the dimension of its parent."""


class EmissionContext:
    """The state of emitting one kernel."""

    def __init__(
        self,
        schedule: Schedule,
        writer: Writer,
        starts: Mapping[Value, Value],
        emit_block: Callable[[EmissionContext, Block], None],
    ) -> None:
        self.emit_block = emit_block
        self.schedule = schedule
        self.writer = writer
        self.uses: set[str] = set()
        self.functions: list[str] = []
        """The sources of functions that this kernel alone needs."""
        self.lines: dict[str, None] = {}
        """Imports and constants that those functions need."""
        self.foreign: dict[ForeignFunction, str] = {}
        """The names of the author's own Triton functions."""
        self.indices: dict[Value, Axis] = {}
        """The axes of which values are the indices, with dimensions of one lane or without."""
        self.masks: Mapping[Value, Mask] = masks_of_conditions(schedule.program)
        self.masked: set[Mask] = set()
        """Masks that comparisons have been written with."""
        self.chooses_narrowed: frozenset[Value] = choosing_narrowed(schedule.program)
        self.renewed = renewed_values(schedule.program)
        self._alignment = Alignment(schedule.program)
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

    def define_all(self, values: Sequence[Value], text: str) -> None:
        """Assign ``text`` to new variables for ``values``, of which there may be none."""
        names = [self.name(value) for value in values]
        self.writer.line(f"{', '.join(names)} = {text}" if names else text)

    def name(self, value: Value) -> str:
        """A new variable for ``value``, which the caller assigns."""
        self._values[value] = self.writer.name(value.name)
        return self._values[value]

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
        """The shape of Triton's value, as text: dimensions of one lane do not exist there."""
        return str([lanes for lanes in map(self.schedule.lanes, sizes) if lanes != 1])

    # How values lie in threads, which Triton finds out by itself.

    def arange(self, size: Size) -> str:
        """The lanes of a dimension of this size, which are several."""
        return f"tl.arange(0, {self.schedule.lanes(size)})"

    def full(self, sizes: tuple[Size, ...], text: str, dtype: torch.dtype) -> str:
        """A value of one number, ``text``."""
        return f"tl.full({self.shape(sizes)}, {text}, {dtype_text(dtype)})"

    def laid(self, text: str, shape: Sequence[Size], dims: Sequence[int]) -> str:  # noqa: ARG002
        """``text``, which has some ``dims`` of a shape, laid out as values of the shape are."""
        return text

    def function(
        self,
        wanted: str,
        parameters: Sequence[Value | sympy.Symbol],
        body: Callable[[list[str]], list[str]],
    ) -> str:
        """A Triton function of its own; its name, which reads like ``wanted``.

        ``body`` is called with the names of the ``parameters`` (values and numbers, each possibly several times),
        writes lines, and returns what the function returns. Within, a parameter means its first name.
        """
        outer, self.writer = self.writer, Writer(origin_lines=False)
        values, symbols = self._values, self._symbols
        names = [self.writer.name(str(getattr(entry, "name", entry))) for entry in parameters]
        local = dict(zip(reversed(parameters), reversed(names), strict=True))
        self._values = {**values, **{v: n for v, n in local.items() if isinstance(v, Value)}}
        self._symbols = {
            **symbols,
            **{symbol: n for symbol, n in local.items() if not isinstance(symbol, Value)},
        }
        returned = body(names)
        self.writer.line(f"return {', '.join(returned)}")
        text, self.writer = self.writer.text(), outer
        self._values, self._symbols = values, symbols
        name = self.writer.name(wanted)
        self.functions.append(f"@triton.jit\ndef {name}({', '.join(names)}):\n{text}")
        return name

    # Parameters.

    def pointer(self, buffer: Buffer) -> str:
        """The pointer parameter of a buffer."""
        return self._parameter(
            buffer, lambda: BufferParameter(self.writer.name(buffer.name), buffer)
        )

    def descriptor(self, buffer: Buffer, block: tuple[int, ...]) -> str:
        """The descriptor parameter of a buffer and a block in the order of the descriptor."""
        return self._parameter(
            (buffer, block),
            lambda: DescriptorParameter(
                self.writer.name(f"{buffer.name}_descriptor"),
                buffer,
                descriptor_order(buffer),
                block,
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

    def _name_symbol(self, symbol: sympy.Symbol) -> None:
        program = self.schedule.program
        if symbol in self._symbols or symbol not in program.symbols:
            return
        source = program.symbols[symbol]
        assert isinstance(source, list)
        kind, *place = source
        if kind not in ("argument", "size", "stride"):
            wanted = str(kind) if kind in ("item", "sm_count") else "number"
        else:
            position, *dim = place
            owner = program.arguments[int(position)]  # type: ignore[arg-type]  # an argument's position
            wanted = "_".join((owner, *(() if kind == "argument" else (str(kind), *map(str, dim)))))
        self._symbols[symbol] = self._parameter(
            symbol, lambda: ScalarParameter(self.writer.name(wanted), symbol)
        )

    def is_int32(self, size: Size) -> bool:
        """Whether a size or position is surely a number of 32 bits: literal numbers and the tiles of loops between
        such make it up.
        """
        resolved = self.schedule.program.resolve(size)
        if isinstance(resolved, int):
            return abs(resolved) < INT32_LIMIT
        narrow = set(self.schedule.block_sizes)
        narrow |= {
            axis.offset
            for axis in self._axes
            if axis.offset in resolved.free_symbols
            and self.is_int32(axis.begin)
            and self.is_int32(axis.end)
        }
        return all(symbol in narrow for symbol in resolved.free_symbols)

    def number(self, symbol: sympy.Symbol, name: str) -> None:
        """Let ``symbol`` be the existing variable ``name``."""
        self._symbols[symbol] = name

    # Axes.

    def place(self, axis: Axis, begin: str) -> None:
        """Say where an axis's block begins, of which nothing else is asked."""
        assert axis.offset is not None
        self._symbols[axis.offset] = begin
        self._axes[axis] = AxisNames(begin, begin, None)

    def enter(self, axis: Axis, begin: str) -> None:
        """Make an axis active: its block begins at the variable ``begin``."""
        self.place(axis, begin)
        if axis.scalar:
            return
        lanes = self.schedule.axis_lanes(axis)
        index = begin
        if lanes != 1:
            index = self.writer.name(f"{axis.name}_index")
            start = "" if begin == "0" else f"{begin} + "
            text = f"{start}{self.arange(axis.size)}"
            if self._alignment.is_told(axis, self.schedule.lanes):
                text = f"tl.max_contiguous({text}, 1)"  # each lane is masked by itself
            self.writer.line(f"{index} = {text}")
        ends = None if axis.ends is None else self.use(axis.ends)
        self._axes[axis] = AxisNames(begin, index, self._mask(axis, index), ends)

    def whole(self, axis: Axis) -> AxisNames:
        """The variables of a whole axis, written where they are first needed."""
        if axis not in self._axes:
            lanes = self.schedule.axis_lanes(axis)
            index = self.writer.name("whole_index")
            lane = self.arange(axis.size) if lanes != 1 else "tl.full([], 0, tl.int32)"
            self.writer.line(f"{index} = {lane}")
            self._axes[axis] = AxisNames("0", index, self._mask(axis, index))
        return self._axes[axis]

    def axis(self, axis: Axis) -> AxisNames:
        """The variables of an active or whole axis."""
        return self.whole(axis) if axis.whole else self._axes[axis]

    def axis_of(self, size: Size) -> Axis | None:
        """The axis that a dimension of this size runs along, the innermost first; None if it has one lane."""
        for axis in reversed(self._axes):
            if not axis.scalar and not axis.whole and axis.size == size:
                return axis
        return None if size in self.schedule.block_sizes else whole_axis(size)

    def lane_mask(self, shape: tuple[Size, ...], dim: int, axis: Axis | None = None) -> str | None:
        """Which lanes along ``dim`` of a value of this shape are no padding; None if all are.

        The text broadcasts to the shape. ``axis`` is the dimension's, where it is known.
        """
        size = shape[dim]
        parts = self.schedule.program.products.get(size)
        if parts is not None:
            return self._product_mask(shape, dim, parts)
        if axis is None or axis not in self._axes:
            axis = self.axis_of(size)
        if axis is not None and axis.whole and self.schedule.is_exact(axis):
            return None  # it may have no variables, and needs none
        names = None if axis is None else self.axis(axis)
        if axis is None or names is None or names.mask is None:
            return None
        parent = None if axis.parent is None else _dim_of(shape, axis.parent)
        if names.ends is None or parent is None:
            return spread(self, names.mask, shape, dim)
        index, ends = spread(self, names.index, shape, dim), spread(self, names.ends, shape, parent)
        return f"({index} < {ends})"

    def _product_mask(
        self, shape: tuple[Size, ...], dim: int, parts: tuple[Size, ...]
    ) -> str | None:
        """The mask of a merged dimension: that of the dimensions it was merged from, merged."""
        masks = [self.lane_mask(parts, part) for part in range(len(parts))]
        needed = [mask for mask in masks if mask is not None]
        if not needed:
            return None
        flat = self.writer.name("merged_mask")
        text = " & ".join(needed)
        if position(self, shape, dim) is not None:
            whole = f"tl.broadcast_to({text}, {self.shape(parts)})"
            text = f"tl.reshape({whole}, {self.shape((shape[dim],))})"
        self.writer.line(f"{flat} = {text}")
        return spread(self, flat, shape, dim)

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
        self._axes = dict(axes)


def _dim_of(shape: tuple[Size, ...], size: Size) -> int | None:
    return shape.index(size) if size in shape else None
