"""A pointwise kernel whose inputs broadcast against each other on the host."""

import torch

import helion
import helion.language as hl


@helion.kernel()
def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x + y`` with PyTorch's broadcasting and type promotion."""
    x, y = torch.broadcast_tensors(x, y)
    out = torch.empty(x.shape, dtype=torch.promote_types(x.dtype, y.dtype), device=x.device)
    for tile in hl.tile(out.size()):
        out[tile] = x[tile] + y[tile]
    return out


if __name__ == "__main__":
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, y = torch.randn(100, 300, device=device), torch.randn(300, device=device)
    torch.testing.assert_close(add(x, y), x + y)
    print("add equals torch.add")
