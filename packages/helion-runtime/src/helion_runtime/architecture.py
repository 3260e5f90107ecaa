"""Which binaries run on which devices.

``sm_XY`` runs on the same major version with the same or a higher minor one. ``sm_XYa`` runs on
exactly that capability, ``sm_XYf`` on that one and higher minors of its family. ``ptx_XY`` (no
suffix) is compiled by the driver for that capability or any newer one; ``ptx_XYa`` for exactly
that. ``gfx…`` needs an AMD device of that name.
"""

from __future__ import annotations

import re

from helion_runtime.errors import SchemaError
from helion_runtime.record import Record

_PATTERN = re.compile(r"(sm|ptx)_([1-9][0-9]?)([0-9])([af]?)|gfx[0-9a-f]{3,5}", re.ASCII)


class Architecture(Record):
    """A parsed ``KernelEntry.arch``. ``kind`` is sm, ptx or gfx; ``feature`` is the letter after
    the number."""

    text: str
    kind: str
    major: int = 0
    minor: int = 0
    feature: str = ""

    @property
    def blob_format(self) -> str:
        """The kind of file: cubin, ptx or hsaco."""
        return {"sm": "cubin", "ptx": "ptx", "gfx": "hsaco"}[self.kind]

    def runs_on(self, capability: tuple[int, int]) -> bool:
        """Whether an NVIDIA device of this compute capability can run the binary."""
        own = (self.major, self.minor)
        if self.kind == "gfx":
            return False
        if self.feature == "a":
            return capability == own
        if self.kind == "ptx" and not self.feature:
            return capability >= own
        return capability[0] == self.major and capability[1] >= self.minor


def parse_architecture(text: object, where: str = "arch") -> Architecture:
    """Parse ``"sm_90a"``, ``"ptx_80"`` or ``"gfx942"``; raises :class:`SchemaError` on anything
    else."""
    found = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if found is None or not isinstance(text, str):
        raise SchemaError(
            f'{where}: expected an architecture such as "sm_90a", "ptx_80" or "gfx942", found {text!r:.80}'
        )
    if found[1] is None:
        return Architecture(text, "gfx")
    return Architecture(text, found[1], int(found[2]), int(found[3]), found[4])
