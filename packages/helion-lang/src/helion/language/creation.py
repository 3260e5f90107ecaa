"""Values made inside of tile loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion.language._declare import declare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion.language.tiles import Tile


@declare
def zeros(shape: Sequence[int | Tile], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A value of zeros, such as an accumulator.

    Args:
        shape: one tile or size per dimension.
        dtype: of the elements.

    Raises:
        DeviceAPIOnHost: outside of a tile loop; there, use :func:`torch.zeros`.
    """
    raise NotImplementedError


@declare
def full(
    shape: Sequence[int | Tile],
    value: float | torch.Tensor,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """A value with every element equal to ``value``.

    Args:
        shape: one tile or size per dimension.
        value: a number, or a tensor without dimensions; cast to ``dtype``.
        dtype: of the elements.

    Raises:
        DeviceAPIOnHost: outside of a tile loop; there, use :func:`torch.full`.
    """
    raise NotImplementedError
