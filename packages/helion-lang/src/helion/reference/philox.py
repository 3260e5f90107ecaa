"""The Philox 4x32 generator with ten rounds, bit for bit as Triton's ``tl.randint4x`` has it.

From Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). The counter is a 64-bit
offset in its two lower words, the key a 64-bit seed. 32-bit words are kept in int64 tensors.
"""

from __future__ import annotations

import torch

_WORD = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_SCALE = 4.6566127342e-10  # the largest float32 that keeps 2**31 - 1 times it below 1


def words(seed: int, offsets: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Four random 32-bit words per offset, as int64 tensors of the shape of ``offsets``."""
    offsets = offsets.long()
    zero = torch.zeros_like(offsets)
    c0, c1, c2, c3 = offsets & _WORD, (offsets >> 32) & _WORD, zero, zero
    k0, k1 = seed & _WORD, (seed >> 32) & _WORD
    for _ in range(_ROUNDS):
        high0, low0 = _product(_MULTIPLIERS[0], c0)
        high1, low1 = _product(_MULTIPLIERS[1], c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + _KEY_STEPS[0]) & _WORD, (k1 + _KEY_STEPS[1]) & _WORD
    return c0, c1, c2, c3


def uniform(word: torch.Tensor) -> torch.Tensor:
    """A word as a float32 in ``[0, 1)``."""
    signed = torch.where(word > 0x7FFFFFFF, word - (1 << 32), word)
    folded = torch.where(signed < 0, -signed - 1, signed)
    return folded.to(torch.float32) * torch.tensor(_SCALE, dtype=torch.float32)


def normal(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Two words as a normally distributed float32, by the transform of Box and Muller."""
    radius = torch.sqrt(-2.0 * torch.log(uniform(first).clamp(min=1.0e-7)))
    return radius * torch.cos(6.283185307179586 * uniform(second))


def _product(factor: int, word: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The upper and the lower word of a product; the int64 product wraps, which keeps its bits."""
    product = word * factor
    return (product >> 32) & _WORD, product & _WORD
