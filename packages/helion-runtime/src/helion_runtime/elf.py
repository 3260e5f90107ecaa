"""A small reader of ELF files: the sections and symbols that GPU binaries are checked by.

In: bytes from anywhere. Out: an :class:`ElfFile`, or :class:`BinaryError`. Every offset is checked
before it is followed.
Format: the System V ABI's "Object Files"; 64-bit little-endian only, as cubins and code objects
are.
"""

from __future__ import annotations

import struct

from helion_runtime.errors import BinaryError
from helion_runtime.record import Record

MACHINE_CUDA = 190
MACHINE_AMDGPU = 224
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_NO_BITS = 8
_SYMBOL_TABLES = (2, 11)  # SHT_SYMTAB, SHT_DYNSYM
_MAX_SECTIONS = 65536


class Section(Record):
    """One section. ``link`` is the number of the section it refers to."""

    name: str
    type: int
    content: bytes
    link: int


class ElfFile(Record):
    """Header fields and sections. ``abi`` is (OS ABI, ABI version)."""

    machine: int
    abi: tuple[int, int]
    flags: int
    sections: tuple[Section, ...]

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return next((item for item in self.sections if item.name == name), None)

    def defined_symbols(self) -> frozenset[str]:
        """Names of the symbols that the file defines."""
        names = set()
        for section in self.sections:
            if section.type in _SYMBOL_TABLES:
                names.update(self._symbols(section))
        return frozenset(names)

    def _symbols(self, table: Section) -> set[str]:
        if table.link >= len(self.sections) or len(table.content) % _SYMBOL.size:
            raise BinaryError("the ELF symbol table is damaged")
        strings = self.sections[table.link].content
        return {
            _string(strings, name)
            for name, _, _, section, _, _ in _SYMBOL.iter_unpack(table.content)
            if section
        }


def read_elf(binary: bytes) -> ElfFile:
    """Parse; raises :class:`BinaryError` for anything that is not a well-formed 64-bit
    little-endian ELF file."""
    if len(binary) < _HEADER.size or binary[:7] != b"\x7fELF\x02\x01\x01":
        raise BinaryError(f"not a 64-bit little-endian ELF file: it starts with {binary[:8]!r}")
    header = _HEADER.unpack_from(binary)
    identity, machine, table, flags = header[0], header[2], header[6], header[7]
    entry_size, count, names_number = header[11], header[12], header[13]
    if entry_size != _SECTION.size or not 0 < count < _MAX_SECTIONS or names_number >= count:
        raise BinaryError("the ELF header describes no section table")
    if table + count * _SECTION.size > len(binary):
        raise BinaryError(
            f"the ELF section table ends at byte {table + count * _SECTION.size} of {len(binary)}: truncated"
        )
    rows = [_SECTION.unpack_from(binary, table + i * _SECTION.size) for i in range(count)]
    names = _content(binary, rows[names_number])
    sections = tuple(
        Section(_string(names, row[0]), row[1], _content(binary, row), row[6]) for row in rows
    )
    return ElfFile(machine, (identity[7], identity[8]), flags, sections)


def _content(binary: bytes, row: tuple[int, ...]) -> bytes:
    kind, offset, size = row[1], row[4], row[5]
    if kind in (0, _NO_BITS):
        return b""
    if offset + size > len(binary):
        raise BinaryError(
            f"an ELF section ends at byte {offset + size} of {len(binary)}: truncated"
        )
    return binary[offset : offset + size]


def _string(table: bytes, offset: int) -> str:
    end = table.find(b"\0", offset)
    if end < 0:
        raise BinaryError(f"an ELF name starts at byte {offset} of a table of {len(table)}")
    return table[offset:end].decode("utf-8", errors="replace")
