"""Values made inside of tile loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion.language._declare import declare

if TYPE_CHECKING:
    from helion.language.indices import Shape


@declare
def zeros(
    shape: Shape, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> torch.Tensor:
    """A value of zeros, such as an accumulator.

    Args:
        shape: one tile or size per dimension.
        dtype: of the elements.
        device: the kernel's own, if given.

    Raises:
        DeviceAPIOnHost: outside of a tile loop; there, use :func:`torch.zeros`.
        WrongDevice: ``device`` is not the kernel's.

    Example:
        @helion.kernel()
        def row_sums(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0)])
            for tile_m in hl.tile(x.size(0)):
                total = hl.zeros([tile_m])
                for tile_n in hl.tile(x.size(1)):
                    total = total + x[tile_m, tile_n].sum(1)
                out[tile_m] = total
            return out

        assert row_sums(torch.ones(2, 9)).tolist() == [9, 9]
    """
    raise NotImplementedError


@declare
def full(
    shape: Shape,
    value: float | torch.Tensor,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> torch.Tensor:
    """A value with every element equal to ``value``.

    Args:
        shape: one tile or size per dimension.
        value: a number, or a tensor without dimensions; cast to ``dtype``.
        dtype: of the elements.
        device: the kernel's own, if given.

    Raises:
        DeviceAPIOnHost: outside of a tile loop; there, use :func:`torch.full`.
        WrongDevice: ``device`` is not the kernel's.

    Example:
        @helion.kernel()
        def row_maxima(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0)])
            for tile_m in hl.tile(x.size(0)):
                largest = hl.full([tile_m], float("-inf"))
                for tile_n in hl.tile(x.size(1)):
                    largest = torch.maximum(largest, x[tile_m, tile_n].amax(1))
                out[tile_m] = largest
            return out

        assert row_maxima(torch.tensor([[3.0, 5.0], [2.0, 1.0]])).tolist() == [5, 2]
    """
    raise NotImplementedError


@declare
def arange(
    start_or_end: int,
    end: int | None = None,
    /,
    step: int = 1,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
) -> torch.Tensor:
    """The integers of ``[start, end)`` in steps, a 1-D tensor; as :func:`torch.arange` on the kernel's device.

    Args:
        start_or_end: the end when ``end`` is not given, else the start.
        end: one past the last integer.
        step: distance between integers.
        dtype: of the elements; int32 if not given.
        device: the kernel's own, if given.

    Raises:
        DeviceAPIOnHost: outside of a tile loop; there, use :func:`torch.arange`.
        WrongDevice: ``device`` is not the kernel's.

    Example:
        @helion.kernel()
        def every_second(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0), 4])
            for tile in hl.tile(x.size(0)):
                out[tile, :] = x[tile, hl.arange(0, 8, step=2)]
            return out

        assert every_second(torch.arange(8.0)[None, :]).tolist() == [[0, 2, 4, 6]]
    """
    raise NotImplementedError
