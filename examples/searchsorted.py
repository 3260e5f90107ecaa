"""Binary search, for a tile of values at once: a ``while`` whose condition is data.

Each lane narrows its own range; the loop ends when no lane has anything left to narrow. Lanes that are through read
nothing any more.

    table   1 3 5 7 9 11 13        value 8      low ─> 4      (the first place not below the value)
            low─────┴─────high
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def searchsorted(table: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """``torch.searchsorted(table, values)`` of an ascending ``[n]`` and ``[m]`` values, as int32."""
    (n,) = table.size()
    (m,) = values.size()
    out = torch.empty([m], dtype=torch.int32, device=table.device)
    for tile in hl.tile(m):
        value = values[tile]
        low = hl.zeros([tile], dtype=torch.int32)
        high = hl.full([tile], n, dtype=torch.int32)
        while torch.any(low < high):
            active = low < high
            middle = (low + high) // 2
            below = hl.load(table, [middle], extra_mask=active) < value
            low = torch.where(active & below, middle + 1, low)
            high = torch.where(active & ~below, middle, high)
        out[tile] = low
    return out


def reference(table: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.searchsorted(table, values, out_int32=True)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    table = torch.randn(pick(gpu=2**20, cpu=50), device=DEVICE).sort().values
    values = torch.randn(pick(gpu=2**20, cpu=37), device=DEVICE)
    compare("binary search", searchsorted, reference, (table, values))


if __name__ == "__main__":
    main()
