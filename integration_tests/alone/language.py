"""What someone with nothing but helion-lang can do: declare a kernel, run it in reference mode, keep a config."""

import torch

import helion
import helion.language as hl


@helion.kernel()
def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


generator = torch.Generator().manual_seed(0)
x = torch.randn(65, 40, generator=generator)
y = torch.randn(40, 33, generator=generator)

# Nothing that runs kernels is installed: the error says so, and what to install.
try:
    matmul(x, y)
except helion.exc.BackendNotInstalled as error:
    assert "pip install helion-compiler" in str(error)
else:
    raise AssertionError("a kernel ran, though nothing that runs kernels is installed")

matmul.settings = helion.Settings(ref_mode=True)
torch.testing.assert_close(matmul(x, y), x @ y)

config = helion.Config(block_sizes=[64, 64, 32], num_warps=8)
assert helion.Config.from_json(config.to_json()) == config
