"""The router of a mixture of experts: softmax, the best few experts of each token, weights that sum to 1.

``torch.topk`` works along a whole row, and returns values and places; everything around it is pointwise. The kernel
returns two tensors of different dtypes.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def topk_gating(logits: torch.Tensor, chosen: hl.constexpr) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights ``[tokens, chosen]`` float32 and experts ``[tokens, chosen]`` int64 of ``[tokens, experts]``."""
    tokens, _ = logits.size()
    weights = torch.empty([tokens, chosen], dtype=torch.float32, device=logits.device)
    experts = torch.empty([tokens, chosen], dtype=torch.int64, device=logits.device)
    for tile in hl.tile(tokens):
        probabilities = torch.softmax(logits[tile, :].to(torch.float32), dim=-1)
        best, place = torch.topk(probabilities, chosen, dim=-1)
        weights[tile, :] = best / best.sum(dim=-1, keepdim=True)
        experts[tile, :] = place
    return weights, experts


def reference(logits: torch.Tensor, chosen: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by torch."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    best, place = torch.topk(torch.softmax(wide, dim=-1), chosen, dim=-1)
    return best / best.sum(dim=-1, keepdim=True), place


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    logits = torch.randn(pick(gpu=16384, cpu=37), pick(gpu=64, cpu=24), device=DEVICE)
    compare("top-k gating", topk_gating, reference, (logits, 4))


if __name__ == "__main__":
    main()
