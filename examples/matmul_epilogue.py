"""A matrix product that takes its last step from the caller: any function of the accumulator and its tiles."""

from collections.abc import Callable

import torch

import helion
import helion.language as hl

Epilogue = Callable[[torch.Tensor, tuple[hl.Tile, ...]], torch.Tensor]


@helion.kernel()
def matmul_epilogue(x: torch.Tensor, y: torch.Tensor, epilogue: Epilogue) -> torch.Tensor:
    """``epilogue(x @ y)``, fused; the function may read tensors that it captures."""
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = epilogue(acc, (tile_m, tile_n))
    return out


if __name__ == "__main__":
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, y = (torch.randn(128, 128, device=device) for _ in range(2))
    bias = torch.randn(128, device=device)
    result = matmul_epilogue(x, y, lambda acc, tiles: torch.relu(acc + bias[tiles[1]]))
    torch.testing.assert_close(result, torch.relu(x @ y + bias), rtol=1e-2, atol=1e-1)
    print("matmul_epilogue equals relu(x @ y + bias)")
