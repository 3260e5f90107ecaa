"""Looking at values while a kernel runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.language._declare import declare

if TYPE_CHECKING:
    import torch

    from helion.language.tiles import Tile


@declare
def device_print(prefix: str, *values: torch.Tensor | Tile | float) -> None:
    """Print values from inside a tile loop; ``print`` there means the same.

    Args:
        prefix: what the line begins with.
        values: what to print. A GPU prints one line per element.

    Raises:
        DeviceAPIOnHost: outside of a tile loop; there, use ``print``.

    Example:
        @helion.kernel()
        def shown(x: torch.Tensor) -> torch.Tensor:
            for tile in hl.tile(x.size(0)):
                hl.device_print("x is", x[tile])
            return x

        shown(torch.ones(2))
    """
    raise NotImplementedError


@declare
def breakpoint() -> None:  # noqa: A001 - the name users write
    """Stop in the debugger, in reference mode and where generated code is interpreted; as Python's ``breakpoint``.

    Raises:
        BreakpointInDeviceLoopRequiresInterpret: the kernel is compiled for a GPU.

    Example:
        @helion.kernel()
        def inspected(x: torch.Tensor) -> torch.Tensor:
            for tile in hl.tile(x.size(0)):
                if tile.begin > 100:
                    hl.breakpoint()
                x[tile] = x[tile] + 1
            return x

        assert inspected(torch.zeros(2)).tolist() == [1, 1]
    """
    raise NotImplementedError
