"""What values are computed from, through ops with blocks of their own."""

from __future__ import annotations

import torch

import helion
import helion.language as hl
from helion_compiler.bundling import BuildRequest
from helion_compiler.program.fields import made_by, operands
from helion_compiler.program.ops import Load, Loop, Reduce, Store
from helion_compiler.program.sources import free_values, sources_of


@helion.kernel()
def scaled_sums(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """Of rows of ``x``, times ``y``, which the loop reads from outside; ``z`` is added behind it."""
    out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
    for rows in hl.tile(x.size(0)):
        scale = y[rows] * 2
        total = hl.zeros([rows], dtype=torch.float32)
        for columns in hl.tile(x.size(1)):
            total = total + (x[rows, columns] * scale[:, None]).sum(-1)
        out[rows] = total + z[rows]
    return out


ARGUMENTS = (torch.randn(8, 10), torch.randn(8), torch.randn(8))


def test_what_blocks_read_counts() -> None:
    (grid,) = BuildRequest(scaled_sums, ARGUMENTS).bind().program.grids
    makers = made_by(grid.body.ops)
    store = next(op for op in grid.body.ops if isinstance(op, Store))
    found = sources_of(operands(store), makers)
    assert {op.buffer.name for op in found if isinstance(op, Load)} == {"y", "z"}
    assert sum(isinstance(op, Loop) for op in found) == 1
    assert len(found) == len(set(found))
    assert store not in found


def test_who_is_not_followed_is_left_out_with_what_is_behind() -> None:
    (grid,) = BuildRequest(scaled_sums, ARGUMENTS).bind().program.grids
    makers = made_by(grid.body.ops)
    (loop,) = (op for op in grid.body.ops if isinstance(op, Loop))
    store = next(op for op in grid.body.ops if isinstance(op, Store))
    found = sources_of(operands(store), makers, lambda value: value not in loop.results)
    assert {op.buffer.name for op in found if isinstance(op, Load)} == {"z"}
    assert sources_of([], makers) == sources_of(loop.results, {}) == []


def test_what_a_block_makes_is_not_free() -> None:
    (grid,) = BuildRequest(scaled_sums, ARGUMENTS).bind().program.grids
    (loop,) = (op for op in grid.body.ops if isinstance(op, Loop))
    (reduction,) = (op for op in loop.body.ops if isinstance(op, Reduce))
    free = free_values(loop)
    assert reduction.result not in free
    assert not set(loop.parameters) & set(free)
    makers = made_by(grid.body.ops)
    assert {makers[value].result.name for value in free if value in makers} >= {"mul"}
