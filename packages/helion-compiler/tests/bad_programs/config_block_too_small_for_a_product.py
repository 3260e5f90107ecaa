import torch

import helion
import helion.language as hl


@helion.kernel()
def matmul(x, y):
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


def provoke() -> None:
    bound = matmul.bind((torch.zeros(64, 64), torch.zeros(64, 64)))
    bound.to_triton_code(helion.Config(block_sizes=[64, 64, 8]))
