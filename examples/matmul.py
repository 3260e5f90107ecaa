"""Matrix product: an outer tile loop over the result, an inner one over the summed dimension."""

import torch

import helion
import helion.language as hl


@helion.kernel()
def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x @ y`` for ``[m, k]`` and ``[k, n]``, summed in float32."""
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


if __name__ == "__main__":
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, y = (torch.randn(256, 256, dtype=torch.bfloat16, device=device) for _ in range(2))
    torch.testing.assert_close(matmul(x, y), x @ y, rtol=2e-2, atol=2e-1)
    print("matmul equals torch.matmul")
