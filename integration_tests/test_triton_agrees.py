"""Reference mode beside Triton itself, where the language promises Triton's own results to the bit."""

# The interpreter needs annotations as they are: no `from __future__ import annotations` here.
import pytest
import torch
import triton
import triton.language as tl

import helion.language as hl
from helion.reference import run
from helion_compiler.interpreting import interpret

OFFSETS = torch.tensor(
    [0, 1, 2, 77, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 40) + 12345, (1 << 62) + 1]
    + [0] * 6
)


@triton.jit
def draw_kernel(offsets, floats, seed, BLOCK: tl.constexpr):
    lane = tl.arange(0, BLOCK)
    offset = tl.load(offsets + lane)
    tl.store(floats + lane, tl.rand(seed, offset))
    tl.store(floats + BLOCK + lane, tl.randn(seed, offset))
    first, second, third, fourth = tl.rand4x(seed, offset)
    tl.store(floats + 2 * BLOCK + lane, first)
    tl.store(floats + 3 * BLOCK + lane, second)
    tl.store(floats + 4 * BLOCK + lane, third)
    tl.store(floats + 5 * BLOCK + lane, fourth)


@pytest.mark.parametrize("seed", [0, 1, 42, (1 << 31) + 5, (1 << 45) + 3, -7])
def test_random_numbers_are_those_of_triton(seed: int) -> None:
    count = OFFSETS.numel()
    expected = torch.empty(6, count)
    interpret(draw_kernel, (1, 1, 1), [OFFSETS, expected, seed], {"BLOCK": count})

    results: list[torch.Tensor] = []

    def kernel(x: torch.Tensor) -> None:
        for _ in hl.tile(1):
            offsets = x[:]
            results.append(hl.rand([], seed, offsets=offsets))
            results.append(hl.randn([], seed, offsets=offsets))
            results.extend(hl.rand4x(seed, offsets))

    run(kernel, (OFFSETS,))
    found = torch.stack(results)
    torch.testing.assert_close(found[[0, 2, 3, 4, 5]], expected[[0, 2, 3, 4, 5]], rtol=0, atol=0)
    # Logarithm and cosine are the platform's: equal up to their last bits.
    torch.testing.assert_close(found[1], expected[1], rtol=1e-6, atol=1e-6)
