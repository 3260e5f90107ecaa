"""Random numbers that depend on a seed and a position alone: the Philox generator, as Triton has it.

An element draws by its offset, the row-major linear position in the whole tensor that tiles are parts of: a tile in a
shape contributes its positions and its loop's end, a size ``n`` contributes ``0`` to ``n - 1`` and ``n``. Block
sizes therefore change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.language._declare import declare

if TYPE_CHECKING:
    import torch

    from helion.language.indices import Shape


@declare
def rand(
    shape: Shape,
    seed: int | torch.Tensor,
    device: torch.device | None = None,
    offsets: torch.Tensor | None = None,
) -> torch.Tensor:
    """Uniform float32 numbers in ``[0, 1)``.

    Args:
        shape: one tile or size per dimension; not looked at when ``offsets`` are given.
        seed: an integer, or an integer tensor of one element.
        device: the kernel's own, if given.
        offsets: where to draw, int64, in place of the positions that ``shape`` stands for.

    Returns:
        A value of ``shape``, or of the shape of ``offsets``.

    Raises:
        DeviceAPIOnHost: outside of a tile loop.
        WrongDevice: ``device`` is not the kernel's.

    Example:
        @helion.kernel()
        def dropout(x: torch.Tensor, seed: int) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                out[tile] = torch.where(hl.rand([tile], seed) < 0.5, 0.0, x[tile] * 2)
            return out

        assert dropout(torch.ones(100), 42).equal(dropout(torch.ones(100), 42))
    """
    raise NotImplementedError


@declare
def randn(
    shape: Shape,
    seed: int | torch.Tensor,
    device: torch.device | None = None,
    offsets: torch.Tensor | None = None,
) -> torch.Tensor:
    """Normally distributed float32 numbers of mean 0 and variance 1.

    Args:
        shape: one tile or size per dimension; not looked at when ``offsets`` are given.
        seed: an integer, or an integer tensor of one element.
        device: the kernel's own, if given.
        offsets: where to draw, int64, in place of the positions that ``shape`` stands for.

    Returns:
        A value of ``shape``, or of the shape of ``offsets``.

    Raises:
        DeviceAPIOnHost: outside of a tile loop.
        WrongDevice: ``device`` is not the kernel's.

    Example:
        @helion.kernel()
        def noisy(x: torch.Tensor, seed: int) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                out[tile] = x[tile] + 0.1 * hl.randn([tile], seed)
            return out

        assert (noisy(torch.zeros(1000), 7).std() - 0.1).abs() < 0.02
    """
    raise NotImplementedError


@declare
def randint(
    shape: Shape,
    low: int,
    high: int,
    seed: int | torch.Tensor,
    device: torch.device | None = None,
) -> torch.Tensor:
    """Int32 numbers in ``[low, high)``: ``low`` plus 32 random bits modulo ``high - low``.

    Args:
        shape: one tile or size per dimension.
        low: the smallest number.
        high: one more than the largest.
        seed: an integer, or an integer tensor of one element.
        device: the kernel's own, if given.

    Returns:
        A value of ``shape``.

    Raises:
        InvalidAPIUsage: ``high`` is not larger than ``low``.
        DeviceAPIOnHost: outside of a tile loop.
        WrongDevice: ``device`` is not the kernel's.

    Example:
        @helion.kernel()
        def dice(out: torch.Tensor, seed: int) -> torch.Tensor:
            for tile in hl.tile(out.size(0)):
                out[tile] = hl.randint([tile], 1, 7, seed)
            return out

        assert set(dice(torch.empty(100, dtype=torch.int32), 3).tolist()) == {1, 2, 3, 4, 5, 6}
    """
    raise NotImplementedError


@declare
def rand4x(
    seed: int | torch.Tensor, offsets: torch.Tensor, device: torch.device | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Four uniform float32 numbers in ``[0, 1)`` for each offset, for the price of one.

    Args:
        seed: an integer, or an integer tensor of one element.
        offsets: where to draw, int64.
        device: the kernel's own, if given.

    Returns:
        Four values of the shape of ``offsets``; the first is what :func:`rand` gives.

    Raises:
        DeviceAPIOnHost: outside of a tile loop.
        WrongDevice: ``device`` is not the kernel's.

    Example:
        @helion.kernel()
        def quads(out: torch.Tensor, seed: int) -> torch.Tensor:
            for tile in hl.tile(out.size(0)):
                first, second, third, fourth = hl.rand4x(seed, tile.index.to(torch.int64))
                out[tile] = (first + second + third + fourth) / 4
            return out

        assert 0.4 < quads(torch.empty(1000), 1).mean() < 0.6
    """
    raise NotImplementedError
