"""A transformer block whose kernels all come from one bundle: normalisation, products, rotation, attention and SwiGLU.

``helion build kernels.toml -o block.helion`` makes the bundle, on any machine; ``python block.py block.helion``
compares the block with torch, on a machine with a GPU, torch and helion-runtime, and nothing else of Helion's.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import torch

import helion_runtime

POSITIONS, FEATURES, HEADS, HIDDEN = 1024, 1024, 16, 2816
DEPTH = FEATURES // HEADS
EPSILON = 1e-5


class Block(torch.nn.Module):
    """``[positions, features]`` to the same, as models of language stack them; for inference.

    ``kernels`` has the ops of ``kernels.toml``: a loaded bundle, or anything alike.
    """

    def __init__(self, kernels: Any, device: torch.device | str) -> None:
        super().__init__()
        self.kernels = kernels

        def weight(*shape: int) -> torch.Tensor:
            values = torch.randn(shape, device=device) / math.sqrt(shape[0])
            return values.to(torch.bfloat16)

        self.norm_1 = torch.ones(FEATURES, device=device, dtype=torch.bfloat16)
        self.norm_2 = torch.ones(FEATURES, device=device, dtype=torch.bfloat16)
        self.qkv = weight(FEATURES, 3 * FEATURES)
        self.projection = weight(FEATURES, FEATURES)
        self.gate_and_up = weight(FEATURES, 2 * HIDDEN)
        self.down = weight(HIDDEN, FEATURES)
        frequency = 10000.0 ** (-torch.arange(0, DEPTH, 2, device=device) / DEPTH)
        angle = torch.arange(POSITIONS, device=device)[:, None] * frequency
        self.cos, self.sin = angle.cos(), angle.sin()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attention and SwiGLU, each behind a normalisation and beside a shortcut."""
        kernels = self.kernels
        normal, _ = kernels.rms_norm_forward(x, self.norm_1, EPSILON)
        q, k, v = heads(kernels.matmul(normal, self.qkv))
        q = kernels.rotate(q, self.cos, self.sin)
        k = kernels.rotate(k, self.cos, self.sin)
        seen, _ = kernels.attention(q, k, v, None)  # the scores as they are
        together = seen.transpose(1, 2).reshape(POSITIONS, FEATURES)
        x = kernels.add(x, kernels.matmul(together, self.projection))
        normal, _ = kernels.rms_norm_forward(x, self.norm_2, EPSILON)
        hidden = kernels.swiglu_forward(kernels.matmul(normal, self.gate_and_up))
        result: torch.Tensor = kernels.add(x, kernels.matmul(hidden, self.down))
        return result


def heads(qkv: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Views of queries, keys and values, each ``[1, heads, positions, depth]``."""
    q, k, v = qkv.view(1, POSITIONS, 3, HEADS, DEPTH).unbind(2)
    return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)


def reference(block: Block, x: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    functional = torch.nn.functional
    normal = functional.rms_norm(x, [FEATURES], block.norm_1, EPSILON)
    q, k, v = heads(normal @ block.qkv)
    seen = functional.scaled_dot_product_attention(turned(q, block), turned(k, block), v)
    x = x + seen.transpose(1, 2).reshape(POSITIONS, FEATURES) @ block.projection
    normal = functional.rms_norm(x, [FEATURES], block.norm_2, EPSILON)
    gate, up = (normal @ block.gate_and_up).chunk(2, dim=1)
    return x + (functional.silu(gate) * up) @ block.down


def turned(x: torch.Tensor, block: Block) -> torch.Tensor:
    """Rotary position embedding."""
    first, second = x.float().chunk(2, dim=-1)
    parts = first * block.cos - second * block.sin, second * block.cos + first * block.sin
    return torch.cat(parts, dim=-1).to(x.dtype)


def main() -> None:
    """Load the bundle named on the command line, and compare."""
    bundle = helion_runtime.load(sys.argv[1])
    print(f"{bundle}: {', '.join(bundle.warm())}")
    block = Block(bundle, "cuda")
    x = torch.randn(POSITIONS, FEATURES, device="cuda", dtype=torch.bfloat16)
    found, expected = block(x), reference(block, x)
    torch.testing.assert_close(found, expected, rtol=2e-2, atol=6e-2)
    print(f"equal to torch, up to {(found - expected).abs().max().item():.3g}")


if __name__ == "__main__":
    main()
