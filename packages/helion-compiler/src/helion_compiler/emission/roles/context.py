"""How values lie in the threads of a group: as the results of its matrix instructions do.

A matrix of rows and ``n`` columns lies as the accumulator of a product of ``n`` columns. A vector along a dimension is
a slice of such a matrix; one of rows is that of the first product's, and is laid anew where it meets other columns,
which moves nothing: rows lie alike in all of them.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from helion_compiler.emission.blocks import emit_block
from helion_compiler.emission.context import EmissionContext
from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.held import held
from helion_compiler.emission.parameters import DescriptorParameter
from helion_compiler.emission.writer import Writer
from helion_compiler.space.descriptors import descriptor_block, descriptor_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from helion_compiler.program.ops import Access
    from helion_compiler.program.types import Axis, Size
    from helion_compiler.scheduling.schedule import Schedule
    from helion_compiler.scheduling.warp_roles import WarpRoles

_SCALAR = re.compile(r"tl\.full\(\[\], ((?:[^(),]|\([^()]*\))+), (tl\.\w+)\)")
"""A number as a value without dimensions, which Gluon does not make by ``full``."""
_SWIZZLED = 128
"""Bytes of a row that are swizzled at most."""


class _GluonWriter(Writer):
    def line(self, text: str) -> None:
        """One line of Triton, as Gluon has it."""
        super().line(_SCALAR.sub(r"tl.cast(\1, \2)", text))


class RoleContext(EmissionContext):
    """The state of emitting the functions of all roles: they share names and parameters."""

    def __init__(self, schedule: Schedule, roles: WarpRoles, *, origin_lines: bool) -> None:
        self._origin_lines = origin_lines
        super().__init__(schedule, self._new_writer(None), {}, emit_block)
        self.roles = roles
        self.group = self.writer.name("GROUP")
        self.keys = schedule.lanes(roles.turns[0].axis.size)
        """The columns of the first product, after whose layout rows are laid."""
        self.computes = False
        """Whether the function that is written is the groups', which hold indices and masks."""
        self._layouts: dict[str, str] = {}

    def _new_writer(self, beside: Writer | None) -> Writer:
        return _GluonWriter(origin_lines=self._origin_lines, beside=beside)

    @contextmanager
    def role(self, *, computes: bool) -> Iterator[Writer]:
        """Write another function; the writer has its body."""
        outer, axes, symbols = self.writer, self.active(), dict(self._symbols)
        self.writer, self.computes = self._new_writer(outer), computes
        yield self.writer
        self.writer, self.computes, self._symbols = outer, False, symbols
        self.restore(axes)

    # Layouts.

    def matrix(self, columns: int) -> str:
        """The name of the layout of matrices of a group's rows and so many columns."""
        return self._layout(
            f"columns_{columns}", f"gl.NVMMADistributedLayout([3, 0], [4, 1], [16, {columns}, 16])"
        )

    def layout(self, shape: Sequence[Size]) -> str:
        """The layout of a value of this shape."""
        dims = held(self, shape)
        if len(dims) == 2:
            return self.matrix(self.schedule.lanes(shape[dims[1]]))
        (dim,) = dims
        if shape[dim] == self.roles.rows.size:
            return self._rows(self.keys)
        return self._slice(0, self.schedule.lanes(shape[dim]))

    def _rows(self, columns: int) -> str:
        return self._slice(1, columns)

    def _slice(self, dim: int, columns: int) -> str:
        name = "rows_of" if dim == 1 else "lanes_of"
        return self._layout(
            f"{name}_{columns}", f"gl.SliceLayout({dim}, {self.matrix(columns)}.value)"
        )

    def _layout(self, wanted: str, text: str) -> str:
        if wanted not in self._layouts:
            name = self._layouts[wanted] = self.writer.name(wanted)
            self.lines[f"{name} = gl.constexpr({text})"] = None
        return self._layouts[wanted]

    def arange(self, size: Size) -> str:
        """The lanes of a dimension, laid out."""
        return f"gl.arange(0, {self.schedule.lanes(size)}, layout={self.layout((size,))})"

    def full(self, sizes: tuple[Size, ...], text: str, dtype: torch.dtype) -> str:
        """A value of one number, laid out."""
        if not held(self, sizes):
            return f"tl.cast({text}, {dtype_text(dtype)})"
        return f"gl.full({self.shape(sizes)}, {text}, {dtype_text(dtype)}, {self.layout(sizes)})"

    def laid(self, text: str, shape: Sequence[Size], dims: Sequence[int]) -> str:
        """Rows that meet columns, as the rows of such a matrix."""
        wanted = held(self, shape)
        own = [dim for dim in wanted if dim in dims]
        if len(wanted) != 2 or len(own) != 1 or shape[own[0]] != self.roles.rows.size:
            return text
        columns = self.schedule.lanes(shape[wanted[1]])
        return text if columns == self.keys else self._converted(text, self._rows(columns))

    def reduced(self, text: str, shape: Sequence[Size], columns: int) -> str:
        """What a reduction of so many columns made, as values of its shape lie."""
        if columns == self.keys or not held(self, shape):
            return text
        return self._converted(text, self.layout(shape))

    def factor(self, text: str, columns: int) -> str:
        """A matrix as the left operand of a product with so many columns."""
        return self._converted(text, f"gl.DotOperandLayout(0, {self.matrix(columns)}, 2)")

    def _converted(self, text: str, layout: str) -> str:
        return f"gl.convert_layout({text}, {layout})"

    def advance(self) -> None:
        """Go on to the next buffer of the ring, which both roles count by the same variables."""
        self.uses.add("next_buffer")
        self.writer.line(f"buffer, phase = next_buffer(buffer, phase, {self.schedule.num_stages})")

    # Axes and descriptors.

    def enter(self, axis: Axis, begin: str) -> None:
        """Make an axis active. Positions speak of the tile; a group's rows begin at its own part of it."""
        if not self.computes:
            self.place(axis, begin)
            return
        if axis != self.roles.rows or self.schedule.groups == 1:
            super().enter(axis, begin)
            return
        assert axis.offset is not None
        own = self.writer.name(f"{axis.name}_of_group")
        self.writer.line(f"{own} = {begin} + {self.group} * {self.schedule.axis_lanes(axis)}")
        super().enter(axis, own)
        self._symbols[axis.offset] = begin

    def block_descriptor(self, op: Access) -> DescriptorParameter:
        """The descriptor parameter of an access, and with it the layout of its blocks in shared memory."""
        block = descriptor_block(op, self.schedule.lanes)
        bits = 8 * op.buffer.dtype.itemsize
        swizzled = min(_SWIZZLED, block[-1] * op.buffer.dtype.itemsize)
        made = DescriptorParameter(
            self.writer.name(f"{op.buffer.name}_descriptor"),
            op.buffer,
            descriptor_order(op.buffer),
            block,
            f"NVMMASharedLayout({swizzled}, {bits}, {len(block)})",
        )
        self._parameter((op.buffer, block), lambda: made)
        found = self._parameters[(op.buffer, block)]
        assert isinstance(found, DescriptorParameter)
        return found
