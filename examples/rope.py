"""Rotary position embedding: pairs of features turned by an angle that depends on the position.

The two halves of a head form the pairs, so the rotation is a sum of two products with the head split in the middle:

    out_first  = first cos - second sin        head  ┌───────┬────────┐
    out_second = second cos + first sin              │ first │ second │
                                                     └───────┴────────┘

Slices with bounds read the halves. The gradient is the rotation by the negative angle: the same kernel again.
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, pick


@helion.kernel()
def rotate(
    x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, direction: hl.constexpr
) -> torch.Tensor:
    """``x`` turned by its positions' angles.

    Args:
        x: ``[batch, heads, positions, depth]``, depth even.
        cos: ``[positions, depth / 2]``.
        sin: alike.
        direction: 1, or -1 to turn back.
    """
    batch, heads, positions, depth = x.size()
    half = hl.specialize(depth // 2)
    out = torch.empty_like(x)
    for tile_b, tile_h, tile_p in hl.tile([batch, heads, positions]):
        first = x[tile_b, tile_h, tile_p, :half].to(torch.float32)
        second = x[tile_b, tile_h, tile_p, half:].to(torch.float32)
        c = cos[tile_p, :].to(torch.float32)[None, None, :, :]
        s = sin[tile_p, :].to(torch.float32)[None, None, :, :] * direction
        out[tile_b, tile_h, tile_p, :half] = first * c - second * s
        out[tile_b, tile_h, tile_p, half:] = second * c + first * s
    return out


class Rope(torch.autograd.Function):
    """The rotation, known to autograd."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        """Keeps the angles."""
        ctx.save_for_backward(cos, sin)
        return rotate(x, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of ``x``; angles are constants."""
        cos, sin = ctx.saved_tensors
        return rotate(grad_out, cos, sin, -1), None, None


def angles(positions: int, depth: int, base: float = 10000.0) -> torch.Tensor:
    """The angle of each position and pair of features, ``[positions, depth / 2]``."""
    frequency = base ** (-torch.arange(0, depth, 2, device=DEVICE) / depth)
    return torch.arange(positions, device=DEVICE)[:, None] * frequency


def rope(x: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding of ``[batch, heads, positions, depth]``, differentiable."""
    angle = angles(x.size(2), x.size(3)).to(x.device)
    result: torch.Tensor = Rope.apply(x, angle.cos(), angle.sin())
    return result


def reference(x: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    angle = angles(x.size(2), x.size(3)).to(x.device)
    cos, sin = (torch.cat([part, part], dim=-1) for part in (angle.cos(), angle.sin()))
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat([-second, first], dim=-1) * sin).to(x.dtype)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    shape = [pick(gpu=4, cpu=2), pick(gpu=32, cpu=3), pick(gpu=4096, cpu=37), pick(gpu=128, cpu=32)]
    x = torch.randn(shape, device=DEVICE)
    compare("rope", rope, reference, (x,))
    compare("rope, backward", gradients(rope), gradients(reference), (x,))


if __name__ == "__main__":
    main()
