"""Small Triton functions that a kernel's source may define, by name: parameters and body.

torch's maxima propagate NaN; ``tl.max`` does not, so maxima of floats are reductions with a combine
function of our own, which is one instruction on GPUs since sm_80.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from helion_compiler.space.target_traits import DIES
from helion_compiler.torch_bridge.elementary import ELEMENTARY_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

CHANGED = "xor.b32 $0, $1, $2;"
"""The assembly of a value with some bits changed. Here none are; a compiler knows of none which."""
SAME = ""
"""That of a value as it is; a compiler knows nothing of it."""

DEVICE_FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "nan_maximum": """(a, b):
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)""",
        "nan_minimum": """(a, b):
    return tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)""",
        "greater_with_index": """(a, i, b, j):
    # NaN is the greatest; of equals the first counts.
    equal = (a == b) | ((a != a) & (b != b))
    left = (a > b) | ((a != a) & (b == b)) | (equal & (i < j))
    return tl.where(left, a, b), tl.where(left, i, j)""",
        "smaller_with_index": """(a, i, b, j):
    # NaN is the smallest; of equals the first counts.
    equal = (a == b) | ((a != a) & (b != b))
    left = (a < b) | ((a != a) & (b == b)) | (equal & (i < j))
    return tl.where(left, a, b), tl.where(left, i, j)""",
        "product": """(a, b):
    return a * b""",
        "along_dies": f"""(pid, total):
    # Programs are dealt out to {DIES} dies in turn; each die gets a stretch of neighbours.
    die = pid % {DIES}
    return die * (total // {DIES}) + tl.minimum(die, total % {DIES}) + pid // {DIES}""",
        "grid_barrier": """(arrived, expected):
    # All programs run at once: each counts itself, and waits until all have.
    tl.debug_barrier()
    tl.atomic_add(arrived, 1, sem="acq_rel")
    while tl.atomic_add(arrived, 0, sem="acq_rel") < expected:
        pass
    tl.debug_barrier()""",
        "next_buffer": """(buffer, phase, BUFFERS: tl.constexpr):
    # The phase of a barrier turns each time that the ring has been gone through.
    turned = buffer == BUFFERS - 1
    return tl.where(turned, 0, buffer + 1), tl.where(turned, phase ^ 1, phase)""",
        "renewed": f"""(value, times: tl.constexpr):
    # The same bits: no program's number is as large as theirs, which compilers do not know.
    differs = tl.where(tl.program_id(0) >= tl.num_programs(0), times, 0)
    return tl.inline_asm_elementwise(
        "{CHANGED}", "=r,r,r,r", [value, differs], dtype=value.dtype, is_pure=True, pack=2
    )""",
        "awaited": f"""(sums):
    # No instructions: Triton waits for products before it lets anything read their sums.
    return tl.inline_asm_elementwise(
        "{SAME}", "=r,0", [sums], dtype=sums.dtype, is_pure=True, pack=1
    )""",
        "renewed_number": f"""(number):
    # No instructions: compilers do not know that it is the same.
    return tl.inline_asm_elementwise(
        "{SAME}", "=r,0", [number], dtype=tl.int32, is_pure=True, pack=1
    )""",
        **ELEMENTARY_FUNCTIONS,
    }
)
