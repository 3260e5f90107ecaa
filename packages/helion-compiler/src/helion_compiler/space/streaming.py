"""What the loads and stores of kernels that stream say of the cache, where nobody has measured.

A kernel streams where it writes about as much as it reads. Then loads that ask the cache to keep what they read have
what is written leave it first, which is never read again; where rows are read again from the cache, stores that stream
make more room for them. On an H200 (``benchmarks/sweeps``) the first gained 2 to 4 % of rows of 8192 that are read
once, 9 % of small ones, 3 to 8 % of rows of 65536 that are read twice, where the second gained another 4 %. Of kernels
that hardly write, as sums, it was as often a loss.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helion_compiler.program.ops import Dot, Load, Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Buffer

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


def streaming_hints(names: Iterable[str], point: Mapping[str, Any]) -> dict[str, str]:
    """For parameters of a streaming kernel's space by ``names``, what is preferred at a point."""
    again = any(name.startswith("reduction_loops[") and size for name, size in point.items())
    hints = {"load_eviction_policies[": "last"}
    if again:
        hints["store_cache_modifiers["] = ".cs"
    return {name: value for name in names for key, value in hints.items() if name.startswith(key)}


def _bytes(program: Program, buffers: Iterable[Buffer]) -> int:
    """The bytes of the example's tensors, each counted once."""
    once = {buffer.number: buffer for buffer in buffers}
    return sum(
        math.prod(map(program.example, buffer.shape)) * buffer.dtype.itemsize
        for buffer in once.values()
    )
