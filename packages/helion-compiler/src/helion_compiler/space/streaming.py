"""What the loads and stores of kernels that stream through long rows say of the cache, where nobody has measured.

A kernel streams where it writes about as much as it reads. Where its rows are too long for registers they are read
again, from the cache if it still has them: loads that ask it to keep what they read, and stores that stream, have what
is written leave it first. On an H200 that gained 4 to 10 % of softmax on rows of 65536 (``benchmarks/sweeps``), by
itself and with kernels that come after it.

Rows that are read once gain 1 to 4 % where a benchmark fills the cache with what has to be written back before each
call, and nothing in a chain of kernels, where the next one finds less of what was written: those are left alone, as are
kernels that hardly write.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helion_compiler.program.ops import Dot, Load, Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Buffer

_HINTS = {"load_eviction_policies[": "last", "store_cache_modifiers[": ".cs"}
_MUCH = 0.25
"""What is written, as a share of what is read, where a kernel streams."""


def streams(program: Program) -> bool:
    """Whether a kernel streams; what products read again and again is not for these rules."""
    ops = list(program.walk())
    if any(isinstance(op, Dot) for op in ops):
        return False
    read = _bytes(program, (op.buffer for op in ops if isinstance(op, Load)))
    written = _bytes(program, (op.buffer for op in ops if isinstance(op, Store)))
    return written >= _MUCH * read


def streaming_hints(names: Iterable[str]) -> dict[str, str]:
    """For parameters of a streaming kernel's space by ``names``, what is preferred where it walks its rows."""
    return {name: value for name in names for key, value in _HINTS.items() if name.startswith(key)}


def _bytes(program: Program, buffers: Iterable[Buffer]) -> int:
    """The bytes of the example's tensors, each counted once."""
    once = {buffer.number: buffer for buffer in buffers}
    return sum(
        math.prod(map(program.example, buffer.shape)) * buffer.dtype.itemsize
        for buffer in once.values()
    )
