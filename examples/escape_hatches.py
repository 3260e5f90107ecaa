"""Triton inside of a kernel, where the language has no word for something.

``hl.inline_triton`` puts source text into the generated kernel: ``{0}`` stands for the first argument, the last line is
the value, and ``output_like`` says what it looks like. ``hl.triton_kernel`` calls a function given as source. The rest
of the kernel, its tiling, masks and tuning included, stays what it is. Nothing runs Triton source in reference mode,
which says so.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick

SWISH = """
@triton.jit
def swish(x, slope):
    return x * tl.sigmoid(x * slope)
"""


@helion.kernel()
def inline(x: torch.Tensor, slope: float) -> torch.Tensor:
    """``x * sigmoid(slope * x)`` of any shape, its middle in Triton."""
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        values = x[tile].to(torch.float32)
        activated = hl.inline_triton(
            """
            scaled = {0} * {1}
            {0} / (1.0 + tl.exp(-scaled))
            """,
            args=(values, slope),
            output_like=values,
        )
        out[tile] = activated
    return out


@helion.kernel()
def called(x: torch.Tensor, slope: float) -> torch.Tensor:
    """The same by a function of Triton."""
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        values = x[tile].to(torch.float32)
        out[tile] = hl.triton_kernel(SWISH, args=(values, slope), output_like=values)
    return out


def reference(x: torch.Tensor, slope: float) -> torch.Tensor:
    """The same by torch."""
    return x * torch.sigmoid(slope * x)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    x = torch.randn(pick(gpu=2**24, cpu=1000), device=DEVICE)
    compare("inline Triton", inline, reference, (x, 1.5))
    compare("a function of Triton", called, reference, (x, 1.5))


if __name__ == "__main__":
    main()
