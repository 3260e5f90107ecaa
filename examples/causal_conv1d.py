"""A causal convolution along time, depthwise, as state space models have it: shifted tiles.

``tile - 2`` is the tile two positions earlier, as a subscript. Where it reaches before the beginning of the sequence it
reads zeros, so the padding that a convolution needs is never made:

    tap 0   x[t - 2]   · · ▒ ▒ ▒ ▒
    tap 1   x[t - 1]   · ▒ ▒ ▒ ▒ ▒          out[t] = silu(bias + sum of taps)
    tap 2   x[t]       ▒ ▒ ▒ ▒ ▒ ▒

The loop over taps is unrolled: ``hl.static_range`` runs while the kernel is compiled.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def causal_conv1d(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The convolution and its SiLU, like ``x``.

    Args:
        x: ``[batch, channels, length]``.
        weight: ``[channels, taps]``; the last tap is the present.
        bias: ``[channels]``.
    """
    batch, channels, length = x.size()
    taps = hl.specialize(weight.size(1))
    out = torch.empty_like(x)
    for tile_b, tile_c, tile_t in hl.tile([batch, channels, length]):
        acc = hl.zeros([tile_b, tile_c, tile_t], dtype=torch.float32)
        acc = acc + bias[tile_c].to(torch.float32)[None, :, None]
        for tap in hl.static_range(taps):
            earlier = x[tile_b, tile_c, tile_t - (taps - 1 - tap)].to(torch.float32)
            acc = acc + earlier * weight[tile_c, tap].to(torch.float32)[None, :, None]
        out[tile_b, tile_c, tile_t] = torch.nn.functional.silu(acc)
    return out


def reference(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    channels, taps = weight.size()
    padded = torch.nn.functional.pad(x, (taps - 1, 0))
    kernels = weight[:, None, :]
    return torch.nn.functional.silu(
        torch.nn.functional.conv1d(padded, kernels, bias, groups=channels)
    )


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    channels, taps = pick(gpu=4096, cpu=7), 4
    x = torch.randn(pick(gpu=8, cpu=2), channels, pick(gpu=4096, cpu=50), device=DEVICE)
    args = x, torch.randn(channels, taps, device=DEVICE), torch.randn(channels, device=DEVICE)
    compare("causal convolution", causal_conv1d, reference, args)


if __name__ == "__main__":
    main()
