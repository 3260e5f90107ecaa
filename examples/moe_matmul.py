"""A mixture of experts: each token times the matrix of the expert that it was sent to.

Tokens are sorted by expert on the host, as an index; the kernel gathers rows of x through it and scatters results back,
so neither is ever copied into order:

    expert of token   2 0 1 0 2
    sorted tokens     1 3 | 2 | 0 4        expert 0: tokens 1, 3;  expert 1: token 2;  expert 2: tokens 0, 4
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel(static_shapes=False)
def moe_sorted(
    x: torch.Tensor,
    weight: torch.Tensor,
    counts: torch.Tensor,
    offsets: torch.Tensor,
    order: torch.Tensor,
    most: int,
) -> torch.Tensor:
    """Each token times its expert's matrix.

    Args:
        x: ``[tokens, k]``.
        weight: ``[experts, k, n]``.
        counts: ``[experts]``, how many tokens each has.
        offsets: ``[experts + 1]``, where those of each begin in ``order``.
        order: ``[tokens]``, tokens sorted by expert.
        most: the largest of ``counts``.
    """
    tokens, k = x.size()
    experts, _, n = weight.size()
    out = torch.empty([tokens, n], dtype=x.dtype, device=x.device)
    for expert in hl.grid(experts):
        begin = offsets[expert]
        count = counts[expert]
        if count != 0:
            for tile_t, tile_n in hl.tile([most, n]):
                valid = tile_t.index < count
                place = torch.where(valid, begin + tile_t.index, 0)
                token = order[place]
                acc = hl.zeros([tile_t, tile_n], dtype=torch.float32)
                for tile_k in hl.tile(k):
                    rows = hl.load(x, [token, tile_k], extra_mask=valid[:, None])
                    acc = torch.addmm(acc, rows, weight[expert, tile_k, tile_n])
                hl.store(out, [token, tile_n], acc.to(out.dtype), extra_mask=valid[:, None])
    return out


def moe_matmul(x: torch.Tensor, weight: torch.Tensor, expert: torch.Tensor) -> torch.Tensor:
    """``x[t] @ weight[expert[t]]`` for each token t."""
    experts = weight.size(0)
    order = torch.argsort(expert, stable=True).to(torch.int32)
    counts = torch.bincount(expert, minlength=experts).to(torch.int32)
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0, dtype=torch.int32)])
    return moe_sorted(x, weight, counts, offsets, order, int(counts.max()))


def reference(x: torch.Tensor, weight: torch.Tensor, expert: torch.Tensor) -> torch.Tensor:
    """The same by torch, one expert after the other."""
    out = x.new_empty([x.size(0), weight.size(2)])
    for number in range(weight.size(0)):
        chosen = (expert == number).nonzero().squeeze(-1)
        out[chosen] = x[chosen] @ weight[number]
    return out


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    tokens, experts = pick(gpu=4096, cpu=37), pick(gpu=16, cpu=3)
    k, n, dtype = pick(gpu=1024, cpu=50), pick(gpu=1024, cpu=35), half_precision()
    x = torch.randn(tokens, k, device=DEVICE).to(dtype)
    weight = torch.randn(experts, k, n, device=DEVICE).to(dtype)
    expert = torch.randint(0, experts, (tokens,), device=DEVICE)
    compare("mixture of experts", moe_matmul, reference, (x, weight, expert))


if __name__ == "__main__":
    main()
