"""What a cubin says of its kernels: parameter sizes, threads per block, the architecture.

``.nv.info.<kernel>`` is a list of records: a format byte, an attribute byte, then two bytes of
value, or two bytes of length and that many of value. Read here are parameters (0x17), their total
(0x19) and the required block (0x10).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from helion_runtime.errors import BinaryError
from helion_runtime.record import Record

if TYPE_CHECKING:
    from helion_runtime.elf import ElfFile

_SIZED = 4  # the format of records with a length; the others hold their value in place
_PARAMETER = 0x17
_PARAMETER_BYTES = 0x19
_REQUIRED_BLOCK = 0x10
_OLD_ABI = (0x33, 7)  # OS ABI and version of the layout of flags until CUDA 12
_ACCELERATED_OLD = 0x800
_ACCELERATED_NEW = 0x8


class CubinKernel(Record):
    """One kernel: each parameter's size in bytes by position, and the block it must be launched
    with, if it says."""

    parameter_sizes: tuple[int, ...]
    required_block: tuple[int, int, int] | None


def cubin_architecture(elf: ElfFile) -> tuple[int, bool]:
    """The SM number (90 for sm_90) and whether the file is marked as for that architecture alone.

    Newer assemblers leave the mark out: its absence proves nothing.
    """
    if elf.abi == _OLD_ABI:
        return elf.flags & 0xFF, bool(elf.flags & _ACCELERATED_OLD)
    return elf.flags >> 8 & 0xFF, bool(elf.flags & _ACCELERATED_NEW)


def read_cubin_kernel(elf: ElfFile, symbol: str) -> CubinKernel:
    """The record of one kernel; raises :class:`BinaryError` if the file has no such kernel or
    contradicts itself."""
    info = elf.section(f".nv.info.{symbol}")
    if info is None or symbol not in elf.defined_symbols():
        kernels = [item.name[9:] for item in elf.sections if item.name.startswith(".nv.info.")]
        raise BinaryError(
            f"the cubin has no kernel {symbol!r}; it has {', '.join(kernels) or 'none'}"
        )
    sizes: dict[int, int] = {}
    end = total = 0
    block = None
    for attribute, value in _records(info.content):
        if attribute == _PARAMETER:
            _, number, offset, shape = _unpack("<IHHI", value)
            sizes[number] = shape >> 18
            end = max(end, offset + sizes[number])
        elif attribute == _PARAMETER_BYTES:
            (total,) = _unpack("<H", value)
        elif attribute == _REQUIRED_BLOCK:
            x, y, z = _unpack("<III", value)
            block = (x, y, z)
    if sorted(sizes) != list(range(len(sizes))) or end > total:
        raise BinaryError(
            f"the parameter table of kernel {symbol!r} contradicts itself: {sizes}, {total} bytes in all"
        )
    return CubinKernel(tuple(sizes[i] for i in range(len(sizes))), block)


def _records(content: bytes) -> list[tuple[int, bytes]]:
    records = []
    position = 0
    while position + 4 <= len(content):
        kind, attribute, inline = struct.unpack_from("<BBH", content, position)
        position += 4
        value = content[position - 2 : position]
        if kind == _SIZED:
            value = content[position : position + inline]
            position += inline
        records.append((attribute, value))
    if position != len(content):
        raise BinaryError("the kernel's information section is damaged")
    return records


def _unpack(layout: str, value: bytes) -> tuple[int, ...]:
    if len(value) != struct.calcsize(layout):
        raise BinaryError("the kernel's information section is damaged")
    return struct.unpack(layout, value)
