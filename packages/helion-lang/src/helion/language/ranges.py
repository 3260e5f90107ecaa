"""Loops over single positions, and the barrier between outermost loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from helion.language._declare import declare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch


@overload
def grid(
    begin_or_end: int | torch.Tensor,
    end: int | torch.Tensor | None = None,
    /,
    step: int | torch.Tensor | None = None,
) -> Iterator[int]: ...
@overload
def grid(
    begin_or_end: Sequence[int | torch.Tensor],
    end: Sequence[int | torch.Tensor] | None = None,
    /,
    step: Sequence[int | torch.Tensor] | int | None = None,
) -> Iterator[tuple[int, ...]]: ...
@declare
def grid(
    begin_or_end: int | torch.Tensor | Sequence[int | torch.Tensor],
    end: int | torch.Tensor | Sequence[int | torch.Tensor] | None = None,
    /,
    step: int | torch.Tensor | Sequence[int | torch.Tensor] | None = None,
) -> Iterator[int] | Iterator[tuple[int, ...]]:
    """Loop over the positions of ``[begin, end)`` one by one.

    As a subscript, a position drops the dimension, where a tile keeps it. An outermost loop is the launch grid: its
    positions run in parallel, in no particular order. Inside of tile loops ``range`` means the same.

    Args:
        begin_or_end: the end when ``end`` is not given, else the beginning. Given a sequence, the loop has one axis
            per element, and each iteration gives a tuple of positions.
        end: one past the last position, of the same kind as the beginning.
        step: distance between positions, at least 1; one for all axes, or one for each.

    Yields:
        An integer, or a tuple with one per axis. An empty range yields nothing.

    Raises:
        InvalidTileRange: beginnings, ends and steps do not fit each other.

    Example:
        @helion.kernel()
        def diagonal(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0)])
            for i in hl.grid(x.size(0)):
                out[i] = x[i, i]
            return out

        assert diagonal(torch.eye(3)).tolist() == [1, 1, 1]
    """
    raise NotImplementedError


@declare
def static_range(
    begin_or_end: int,
    end: int | None = None,
    /,
    step: int = 1,
) -> Iterator[int]:
    """Loop over positions known at compile time; the loop is unrolled.

    Args:
        begin_or_end: the end when ``end`` is not given, else the beginning.
        end: one past the last position.
        step: distance between positions, not 0; it may be negative.

    Yields:
        Python integers, which may subscript tuples and choose branches.

    Raises:
        InvalidTileRange: something is no integer known at compile time, or ``step`` is 0.

    Example:
        @helion.kernel()
        def powers(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([3, x.size(0)])
            for tile in hl.tile(x.size(0)):
                for power in hl.static_range(3):
                    out[power, tile] = x[tile] ** power
            return out

        assert powers(torch.tensor([2.0])).tolist() == [[1], [2], [4]]
    """
    raise NotImplementedError


@declare
def barrier() -> None:
    """Wait, between two outermost loops, until every part of the first has run everywhere.

    What the first loop wrote, the second may then read. The kernel needs a persistent program-id type, which the
    config then has.

    Raises:
        BarrierOnlyAllowedAtTopLevel: inside of a loop.

    Example:
        @helion.kernel()
        def centred(x: torch.Tensor) -> torch.Tensor:
            total, out = torch.zeros([1]), torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                hl.atomic_add(total, [0], x[tile].sum())
            hl.barrier()
            for tile in hl.tile(x.size(0)):
                out[tile] = x[tile] - total[0] / x.size(0)
            return out

        assert centred(torch.tensor([1.0, 2.0, 6.0])).tolist() == [-2, -1, 3]
    """
    raise NotImplementedError
