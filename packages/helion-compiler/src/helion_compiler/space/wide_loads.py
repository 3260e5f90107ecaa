"""Which loads threads may copy to shared memory on their own: Triton's pipelines take no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.fields import operands, results
from helion_compiler.program.ops import Load
from helion_compiler.program.types import ValueIndex

if TYPE_CHECKING:
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Value

_LEAST_COPY = 4
"""Bytes that a thread copies at once at least to do so asynchronously."""


def wide_loads(program: Program) -> frozenset[Load]:
    """The loads of which a thread may copy several lanes at once, or one of several bytes; those too of which only the
    call knows.
    """
    read = _read_from_memory(program)
    loads = (op for op in program.accesses() if isinstance(op, Load))
    return frozenset(op for op in loads if op.result.type.shape and _is_wide(program, op, read))


def _read_from_memory(program: Program) -> set[Value]:
    """The values that come from loads, however much has been computed since."""
    found: set[Value] = set()
    for op in program.walk():
        if isinstance(op, Load) or not found.isdisjoint(operands(op)):
            found.update(results(op))
    return found


def _is_wide(program: Program, op: Load, read: set[Value]) -> bool:
    """Indices that were ``read`` from memory lie anywhere. Computed ones may well be one beside the other, which Triton
    finds out.
    """
    buffer = op.buffer
    run = _LEAST_COPY // buffer.dtype.itemsize
    if run <= 1:
        return True
    last = op.subscripts[-1] if op.subscripts else None
    if op.addresses is not None or (isinstance(last, ValueIndex) and last.value in read):
        return False
    apart = [buffer.offset]
    for extent, stride in zip(buffer.shape, buffer.strides, strict=True):
        apart.append(extent if stride == 1 else stride)  # a mask may end a run as well
    known = [program.resolve(size) for size in apart]
    return all(not (isinstance(s, int) or s.is_Integer) or int(s) % run == 0 for s in known)
