"""What may stand in a subscript, and what may stand in a shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import EllipsisType

    import torch

    from helion.language.tiles import Tile

    Index: TypeAlias = Sequence[Tile | int | slice | EllipsisType | torch.Tensor | None]
    Shape: TypeAlias = Sequence[int | Tile]
