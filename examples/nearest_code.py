"""Vector quantisation: for each vector the nearest row of a codebook, without the matrix of distances.

Distances come from a matrix product, |x - c|² = |x|² - 2 x·c + |c|², where |x|² is the same for every code and left
out. ``hl.reduce`` with a function over pairs keeps the smaller distance together with its place, and between codes at
the same distance the first, in whatever order the pairs are combined.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


def nearer(
    left: torch.Tensor, left_code: torch.Tensor, right: torch.Tensor, right_code: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The pair of the smaller distance; of equal ones, that of the smaller place."""
    keep = (left < right) | ((left == right) & (left_code < right_code))
    return torch.where(keep, left, right), torch.where(keep, left_code, right_code)


@helion.kernel()
def nearest_code(x: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """The place of the nearest of ``[codes, depth]`` for each of ``[vectors, depth]``, ``[vectors]`` int32."""
    vectors, depth = x.size()
    count, _ = codes.size()
    out = torch.empty([vectors], dtype=torch.int32, device=x.device)
    for tile_m in hl.tile(vectors):
        best = hl.full([tile_m], float("inf"), dtype=torch.float32)
        where = hl.zeros([tile_m], dtype=torch.int32)
        for tile_n in hl.tile(count):
            product = hl.zeros([tile_m, tile_n], dtype=torch.float32)
            squares = hl.zeros([tile_n], dtype=torch.float32)
            for tile_k in hl.tile(depth):
                code = codes[tile_n, tile_k]
                product = torch.addmm(product, x[tile_m, tile_k], code.T)
                squares = squares + (code.to(torch.float32) ** 2).sum(dim=-1)
            distance = squares[None, :] - 2 * product
            place = tile_n.index[None, :].expand_as(distance)
            here = hl.reduce(nearer, (distance, place), dim=1, other=(float("inf"), 0))
            best, where = nearer(best, where, *here)
        out[tile_m] = where
    return out


def reference(x: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    distance = (codes**2).sum(dim=-1)[None, :] - 2 * (x @ codes.T)
    return distance.argmin(dim=-1).to(torch.int32)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    vectors, count, depth = pick(gpu=16384, cpu=37), pick(gpu=4096, cpu=67), pick(gpu=256, cpu=20)
    # Whole numbers, so that distances are exact and the nearest is the same one everywhere.
    x, codes = (
        torch.randint(-4, 5, (rows, depth), device=DEVICE).to(torch.bfloat16)
        for rows in (vectors, count)
    )
    compare("nearest code", nearest_code, lambda x, c: reference(x.float(), c.float()), (x, codes))


if __name__ == "__main__":
    main()
