"""Which loops multiply what the turn before has multiplied, and what the model makes of it."""

from __future__ import annotations

from typing import Any

import torch

import helion
import helion.language as hl
from helion_compiler.model.chains import is_chained


@helion.kernel()
def recurrence(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    steps, rows, depth = x.size()
    depth = hl.specialize(depth)
    out = torch.empty([rows, depth], dtype=torch.float32, device=x.device)
    for tile in hl.tile(rows):
        state = hl.zeros([tile, depth], dtype=torch.float32)
        for step in hl.grid(steps):
            state = torch.tanh(hl.dot(state.to(w.dtype), w[:, :])) + x[step, tile, :]
        out[tile, :] = state
    return out


@helion.kernel()
def in_two_steps(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """What is multiplied becomes a factor a turn later, by way of another value that is carried."""
    steps, rows, depth = x.size()
    depth = hl.specialize(depth)
    out = torch.empty([rows, depth], dtype=torch.float32, device=x.device)
    for tile in hl.tile(rows):
        state = hl.zeros([tile, depth], dtype=torch.float32)
        before = hl.zeros([tile, depth], dtype=torch.float32)
        for step in hl.grid(steps):
            product = hl.dot(before.to(w.dtype), w[:, :]) + x[step, tile, :]
            before = state
            state = product
        out[tile, :] = state
    return out


@helion.kernel()
def matmul(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    n = w.size(1)
    out = torch.empty([m, n], dtype=torch.float32, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], w[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """In nested loops: maxima pass from turn to turn and into weights, products only into sums."""
    queries, depth = q.size()
    depth = hl.specialize(depth)
    out = torch.empty([queries, depth], dtype=torch.float32, device=q.device)
    for tile_m in hl.tile(queries):
        largest = hl.full([tile_m], float("-inf"), dtype=torch.float32)
        acc = hl.zeros([tile_m, depth], dtype=torch.float32)
        for part in hl.tile(k.size(0)):
            for tile_n in hl.tile(part.begin, part.end):
                scores = hl.dot(q[tile_m, :], k[tile_n, :].T)
                grown = torch.maximum(largest, scores.amax(dim=-1))
                weights = torch.exp(scores - grown[:, None]).to(v.dtype)
                shrunk = acc * torch.exp(largest - grown)[:, None]
                acc = hl.dot(weights, v[tile_n, :], acc=shrunk)
                largest = grown
        out[tile_m, :] = acc
    return out


def half(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.bfloat16)


def loops_of(kernel: Any, *arguments: torch.Tensor) -> list[bool]:
    program = kernel.bind(arguments)._implementation.specialized.program
    return [is_chained(loop) for loop in program.loops()]


def test_a_state_that_is_multiplied_makes_a_chain() -> None:
    assert loops_of(recurrence, half(8, 64, 64), half(64, 64)) == [True]
    assert loops_of(in_two_steps, half(8, 64, 64), half(64, 64)) == [True]


def test_sums_of_products_make_none() -> None:
    assert loops_of(matmul, half(64, 64), half(64, 64)) == [False]
    assert loops_of(attention, half(64, 64), half(64, 64), half(64, 64)) == [False, False]


def test_turns_of_a_chain_wait_for_matrix_units_that_few_warps_reach() -> None:
    """Each scheduler has its own: a lone warp has a quarter of them."""
    space = recurrence.bind((half(128, 2048, 64), half(64, 64))).config_spec
    alone = [
        space.model.terms(
            space.point(helion.Config(block_sizes=[16], num_warps=warps, num_stages=2))
        )
        for warps in (1, 4)
    ]
    assert alone[0]["alone"] > alone[0]["products"]
    assert alone[0]["products"] > 2 * alone[1]["products"]
