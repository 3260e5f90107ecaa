"""Sums over segments of rows, found by an associative scan with an operator of the user's own.

Rows carry the number of their segment, in order. Within a tile, a scan over (value, segment) pairs adds a value to its
predecessor as long as both are of one segment; the last row of each segment then holds the tile's part of the sum:

    segment   0  0  0  1  1  2          scan   a  a+b  a+b+c  d  d+e  f
    value     a  b  c  d  e  f          ends              *      *   *    ── atomic_add ─> out[segment]

Segments that go on in the next tile are why the parts are added by atomics.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


def add_within_segments(
    left_value: torch.Tensor,
    left_segment: torch.Tensor,
    right_value: torch.Tensor,
    right_segment: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The running sum, started anew where the segment changes. Associative, since segments come in order."""
    same = left_segment == right_segment
    return torch.where(same, left_value + right_value, right_value), right_segment


@helion.kernel()
def segment_sum(segments: torch.Tensor, data: torch.Tensor, count: int) -> torch.Tensor:
    """The sum of the rows of each segment, ``[count, features]`` float32.

    Args:
        segments: ``[rows]``, ascending integers below ``count``.
        data: ``[rows, features]``.
        count: how many segments there are.
    """
    rows, features = data.size()
    out = torch.zeros([count, features], dtype=torch.float32, device=data.device)
    for tile_m, tile_n in hl.tile([rows, features]):
        segment = segments[tile_m]
        following = hl.load(segments, [tile_m.index + 1], extra_mask=tile_m.index < rows - 1)
        values = data[tile_m, tile_n].to(torch.float32)
        spread = segment.to(torch.float32)[:, None].expand_as(values)
        sums, _ = hl.associative_scan(add_within_segments, (values, spread), dim=0)
        last_of_tile = tile_m.index == tile_m.end - 1
        ends = (segment != following) | last_of_tile | (tile_m.index == rows - 1)
        hl.atomic_add(out, [segment, tile_n], torch.where(ends[:, None], sums, 0.0))
    return out


def reference(segments: torch.Tensor, data: torch.Tensor, count: int) -> torch.Tensor:
    """The same by torch."""
    wide = data if data.dtype == torch.float64 else data.float()
    return wide.new_zeros(count, data.size(1)).index_add(0, segments, wide)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, count = pick(gpu=100_000, cpu=70), pick(gpu=1000, cpu=9)
    segments = torch.randint(0, count, (rows,), device=DEVICE).sort().values
    data = torch.randn(rows, pick(gpu=128, cpu=17), device=DEVICE)
    compare("segment sum", segment_sum, reference, (segments, data, count))


if __name__ == "__main__":
    main()
