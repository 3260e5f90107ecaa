"""``programmatic_dependent_launch`` on a GPU: chains of kernels that read and overwrite what others just wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
import helion_runtime
from helion_compiler import BuildRequest, build_bundle
from helion_compiler.building import target_of_device

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.gpu

LENGTH, LAUNCHES = 1 << 20, 400
SIDE = 1024


@pytest.fixture(autouse=True)
def _hopper() -> None:
    if torch.cuda.get_device_capability() < (9, 0):
        pytest.skip("GPUs before sm_90 have no programmatic dependent launch")


@helion.kernel(
    config=helion.Config(block_sizes=[256], num_warps=4), programmatic_dependent_launch=True
)
def turned(x: torch.Tensor, out: torch.Tensor) -> None:
    """``out`` becomes ``x + 1``, turned round: each program reads what a distant one of the last launch wrote."""
    for tile in hl.tile(x.size(0)):
        out[tile] = x[x.size(0) - 1 - tile.index] + 1


@helion.kernel(
    config=helion.Config(block_sizes=[64, 64], indexing="tensor_descriptor", num_warps=4),
    programmatic_dependent_launch=True,
)
def moved(x: torch.Tensor, out: torch.Tensor) -> None:
    """``out`` becomes ``x + 1``, transposed, by tensor descriptors."""
    for tile_m, tile_n in hl.tile(x.size()):
        out[tile_n, tile_m] = (x[tile_m, tile_n] + 1).T


def numbers() -> torch.Tensor:
    return torch.arange(LENGTH, device="cuda", dtype=torch.int32)


def expected(times: int) -> torch.Tensor:
    """What ``turned`` makes of :func:`numbers`."""
    return (numbers().flip(0) if times % 2 else numbers()) + times


def there_and_back(kernel: Any, first: torch.Tensor, second: torch.Tensor, times: int) -> None:
    """Each launch reads what the last one wrote, and overwrites what the last one read."""
    for number in range(times):
        kernel(*((second, first) if number % 2 else (first, second)))


def test_chains_between_two_buffers() -> None:
    first, second = numbers(), torch.empty_like(numbers())
    there_and_back(turned, first, second, LAUNCHES)
    assert torch.equal(first, expected(LAUNCHES))


def test_chains_with_operators_of_torch_between() -> None:
    first, second = numbers(), torch.empty_like(numbers())
    for _ in range(LAUNCHES // 2):
        turned(first, second)
        second.add_(1)
        turned(second, first)
        first.sub_(1)
    assert torch.equal(first, expected(LAUNCHES))


def test_memory_that_is_freed_and_taken_again() -> None:
    x = numbers()
    for _ in range(LAUNCHES):
        out = torch.empty_like(x)
        turned(x, out)
        x = out
    assert torch.equal(x, expected(LAUNCHES))


def test_in_a_cuda_graph() -> None:
    first, second = numbers(), torch.empty_like(numbers())
    there_and_back(turned, first, second, 2)  # loads the module
    first.copy_(numbers())
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        there_and_back(turned, first, second, 50)
    first.copy_(numbers())
    for _ in range(8):
        graph.replay()
    assert torch.equal(first, expected(400))


def test_through_descriptors() -> None:
    first = torch.arange(SIDE * SIDE, device="cuda", dtype=torch.int32).view(SIDE, SIDE)
    wanted, second = first + LAUNCHES, torch.empty_like(first)
    there_and_back(moved, first, second, LAUNCHES)
    assert torch.equal(first, wanted)


def test_from_a_bundle_on_streams_of_their_own(tmp_path: Path) -> None:
    example = torch.empty(LENGTH, device="meta", dtype=torch.int32)
    request = BuildRequest(turned, (example, example))
    target = target_of_device(torch.device("cuda", torch.cuda.current_device())).name
    build_bundle(tmp_path / "b.helion", [request], targets=[target])
    op = helion_runtime.load(tmp_path / "b.helion").turned
    pairs = []
    for _ in range(4):
        with torch.cuda.stream(torch.cuda.Stream()):
            first, second = numbers(), torch.empty_like(numbers())
            there_and_back(op, first, second, LAUNCHES)
            pairs.append(first)
    torch.cuda.synchronize()
    for found in pairs:
        assert torch.equal(found, expected(LAUNCHES))
