"""Quantisation to eight-bit floats: a scale for each token, or for each group of features of a token.

The largest magnitude of a token (or group) maps to the largest float8, 448 for e4m3; values follow in proportion and
are rounded by the cast. Groups are a dimension of a view that the host makes, so both kernels are the same few lines.

    x  ┌────────────────┐          q ┌────────────────┐      scale ┌─┐
       │ 3 -7 1 ...     │  ────>     │ 192 -448 64 .. │            │7│ / 448
       └────────────────┘            └────────────────┘            └─┘
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick

LARGEST = 448.0  # of float8_e4m3fn
SMALLEST_SCALE = 1e-10  # so that a row of zeros divides by something


@helion.kernel()
def quantise_tokens(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``[tokens, features]`` as float8_e4m3fn, and ``[tokens, 1]`` float32 scales."""
    tokens, _ = x.size()
    out = torch.empty(x.size(), dtype=torch.float8_e4m3fn, device=x.device)
    scales = torch.empty([tokens, 1], dtype=torch.float32, device=x.device)
    for tile in hl.tile(tokens):
        values = x[tile, :].to(torch.float32)
        largest = torch.amax(torch.abs(values), dim=-1, keepdim=True)
        scale = torch.clamp(largest / LARGEST, min=SMALLEST_SCALE)
        out[tile, :] = torch.clamp(values / scale, -LARGEST, LARGEST).to(torch.float8_e4m3fn)
        scales[tile, :] = scale
    return out, scales


@helion.kernel()
def quantise_groups(x: torch.Tensor, group: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The same with a scale for each ``group`` features: ``[tokens, features / group]`` scales."""
    tokens, features = x.size()
    group = hl.specialize(group)  # how far apart neighbours are is then known
    groups = features // group
    out = torch.empty(x.size(), dtype=torch.float8_e4m3fn, device=x.device)
    scales = torch.empty([tokens, groups], dtype=torch.float32, device=x.device)
    grouped_in, grouped_out = x.view(tokens, groups, group), out.view(tokens, groups, group)
    for tile_t, tile_g in hl.tile([tokens, groups]):
        values = grouped_in[tile_t, tile_g, :].to(torch.float32)
        largest = torch.amax(torch.abs(values), dim=-1)
        scale = torch.clamp(largest / LARGEST, min=SMALLEST_SCALE)
        scaled = torch.clamp(values / scale[:, :, None], -LARGEST, LARGEST)
        grouped_out[tile_t, tile_g, :] = scaled.to(torch.float8_e4m3fn)
        scales[tile_t, tile_g] = scale
    return out, scales


def reference(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A scale for each token, by torch."""
    out, scales = reference_groups(x, x.size(1))
    return out, scales


def reference_groups(x: torch.Tensor, group: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A scale for each group, by torch."""
    values = x.float().view(x.size(0), x.size(1) // group, group)
    scale = (values.abs().amax(dim=-1, keepdim=True) / LARGEST).clamp(min=SMALLEST_SCALE)
    out = (values / scale).clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn)
    return out.view(x.size()), scale.squeeze(-1)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    tokens, features = pick(gpu=8192, cpu=37), pick(gpu=4096, cpu=128)
    x = torch.randn(tokens, features, device=DEVICE).to(half_precision())
    compare("fp8 by token", quantise_tokens, reference, (x,))
    group = pick(gpu=128, cpu=32)
    compare("fp8 by group", quantise_groups, reference_groups, (x, group))


if __name__ == "__main__":
    main()
