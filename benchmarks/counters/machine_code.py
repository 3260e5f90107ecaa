"""What a kernel's machine code holds: its instructions by class, counted where they stand, not how often they run."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# After its address and a predicate, as in /*0a30*/ @!P0 LDG.E.128.CONSTANT R4, desc[UR4][R2.64] ;
_INSTRUCTION = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_]*)((?:\.\w+)*)")
_WIDTHS = ("128", "64", "U16", "S16", "U8", "S8")
_BY_WIDTH = ("LDG", "STG", "LDL", "STL", "LDS", "STS")
_PADDING = "NOP"

ALWAYS = (
    "HGMMA",
    "HMMA",
    "LDG",
    "STG",
    "UBLKCP",
    "UTMALDG",
    "LDGSTS",
    "BAR",
    "SHFL",
    "LDL",
    "STL",
    "MUFU",
)
"""Classes that a report names even where there are none."""
TOTAL = "all"


class MachineCodeError(Exception):
    """The tool that reads machine code is missing, fails, or shows nothing."""


def disassemble(cubin: Path) -> str:
    """The text that Triton's own ``cuobjdump`` makes of a binary.

    Raises:
        MachineCodeError: it fails, with its words.
    """
    from triton import knobs  # loads triton

    tool = knobs.nvidia.cuobjdump.path
    try:
        found = subprocess.run(
            [tool, "-sass", str(cubin)], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise MachineCodeError(f"cuobjdump of Triton does not run: {error}") from error
    if found.returncode:
        raise MachineCodeError(f"{tool} -sass {cubin}: {found.stderr.strip() or found.returncode}")
    return found.stdout


def count(sass: str) -> dict[str, int]:
    """Instructions by class, and all of them. Accesses are told apart by bits of a lane, as in ``LDG.128``.

    Raises:
        MachineCodeError: there is none.
    """
    found: Counter[str] = Counter()
    for line in sass.splitlines():
        match = _INSTRUCTION.search(line)
        if match is not None and match[1] != _PADDING:
            found[_class(match[1], match[2].split(".")[1:])] += 1
    if not found:
        raise MachineCodeError(f"no instructions in what cuobjdump shows: {sass[:200]!r}")
    return {**dict(sorted(found.items())), TOTAL: found.total()}


def shown(counts: dict[str, int]) -> str:
    """The classes that matter most, in words."""
    parts = [f"{counts[TOTAL]} instructions"]
    for name in ALWAYS:
        family = {key: number for key, number in counts.items() if key.partition(".")[0] == name}
        parts += [f"{key} {number}" for key, number in family.items()] or [f"no {name}"]
    return ", ".join(parts)


def _class(name: str, modifiers: list[str]) -> str:
    if name not in _BY_WIDTH:
        return name
    width = next((one for one in modifiers if one in _WIDTHS), "32")
    return f"{name}.{width.lstrip('US')}"
