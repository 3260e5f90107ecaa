"""What PTX text says of its kernels: the target, and each parameter's size.

PTX is compiled by the driver on the machine that runs it. Read here are ``.target`` and the header
of one ``.entry``.
"""

from __future__ import annotations

import re

from helion_runtime.errors import BinaryError
from helion_runtime.record import Record

_TARGET = re.compile(r"^\.target\s+sm_([0-9]+)([af]?)\b", re.MULTILINE | re.ASCII)
_PARAMETER = re.compile(
    r"\.param\s+(?:\.align\s+\d+\s+)?\.(b|u|s|f)(\d+)(?:\s+\.ptr\b[^,()]*?)?\s*([\w$]+)\s*(?:\[\s*(\d+)\s*\])?\s*$",
    re.ASCII,
)
_BLOCK = re.compile(r"\s*\.reqntid\s+(\d+)(?:\s*,\s*(\d+))?(?:\s*,\s*(\d+))?", re.ASCII)


class PtxKernel(Record):
    """One kernel: the target's number and suffix, parameter sizes in bytes, the required block if
    it says."""

    target: int
    feature: str
    parameter_sizes: tuple[int, ...]
    required_block: tuple[int, int, int] | None


def read_ptx_kernel(binary: bytes, symbol: str) -> PtxKernel:
    """The header of one kernel; raises :class:`BinaryError` if the text is not PTX or has no such
    kernel."""
    try:
        text = binary.decode("ascii")
    except UnicodeDecodeError as error:
        raise BinaryError(f"not PTX text: {error}") from error
    target = _TARGET.search(text)
    if target is None or "\0" in text:
        raise BinaryError("not PTX text: it names no .target")
    entry = re.search(rf"\.entry\s+{re.escape(symbol)}\s*\(([^()]*)\)", text)
    if entry is None:
        names = re.findall(r"\.entry\s+([\w$]+)", text)
        raise BinaryError(
            f"the PTX has no kernel {symbol!r}; it has {', '.join(names[:8]) or 'none'}"
        )
    declarations = [part for part in entry[1].split(",") if part.strip()]
    block = _BLOCK.match(text, entry.end())
    return PtxKernel(
        int(target[1]),
        target[2],
        tuple(_size(part) for part in declarations),
        None if block is None else (int(block[1]), int(block[2] or 1), int(block[3] or 1)),
    )


def _size(declaration: str) -> int:
    found = _PARAMETER.search(declaration)
    if found is None:
        raise BinaryError(f"a PTX parameter that cannot be read: {declaration.strip()!r:.120}")
    return int(found[2]) // 8 * int(found[4] or 1)
