"""Layer normalisation of long rows in two passes, with Welford's way of adding up a variance.

Mean and sum of squared deviations of two sets of numbers combine into those of their union without subtracting large
numbers from each other (Chan, Golub and LeVeque, 1979): with counts a, b, means ma, mb and sums of squares sa, sb,

    n = a + b      mean = ma + (mb - ma) b / n      squares = sa + sb + (mb - ma)² a b / n

The first pass combines one step of columns after the other, the second writes the result.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def welford_layer_norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float = 1e-5
) -> torch.Tensor:
    """Layer normalisation of ``[rows, columns]`` over columns, computed in float32."""
    rows, columns = x.size()
    out = torch.empty_like(x)
    for tile_m in hl.tile(rows):
        count = hl.zeros([tile_m], dtype=torch.float32)
        mean = torch.zeros_like(count)
        squares = torch.zeros_like(count)
        for tile_n in hl.tile(columns):
            values = x[tile_m, tile_n].to(torch.float32)
            step_count = tile_n.end - tile_n.begin
            step_mean = values.sum(dim=-1) / step_count
            step_squares = (values - step_mean[:, None]).pow(2).sum(dim=-1)
            apart = step_mean - mean
            total = count + step_count
            mean = mean + apart * (step_count / total)
            squares = squares + step_squares + apart * apart * (count * step_count / total)
            count = total
        rstd = torch.rsqrt(squares / count + eps)
        for tile_n in hl.tile(columns):
            values = x[tile_m, tile_n].to(torch.float32)
            normalised = (values - mean[:, None]) * rstd[:, None]
            scale, shift = weight[tile_n].to(torch.float32), bias[tile_n].to(torch.float32)
            out[tile_m, tile_n] = normalised * scale[None, :] + shift[None, :]
    return out


def reference(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.nn.functional.layer_norm(x, [x.size(-1)], weight, bias)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, columns = pick(gpu=8192, cpu=37), pick(gpu=16384, cpu=67)
    x = 100 + torch.randn(rows, columns, device=DEVICE)  # where E[x²] - E[x]² loses all its bits
    args = x, torch.rand(columns, device=DEVICE), torch.rand(columns, device=DEVICE)
    compare("Welford layer norm", welford_layer_norm, reference, args, tolerance=1e-3)


if __name__ == "__main__":
    main()
