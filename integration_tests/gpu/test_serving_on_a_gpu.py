"""A bundle under load on a GPU: threads with streams of their own, devices, graphs, compiled models, memory."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

import helion
import helion.language as hl
import helion_runtime
from helion_compiler import BuildRequest, build_bundle
from helion_compiler.building import target_of_device
from helion_runtime.cuda_driver import CudaDriver
from helion_runtime.native import find_native

pytestmark = pytest.mark.gpu

THREADS, CALLS, CHECK_EVERY = 16, 20_000, 250
MANY_CALLS = 1_000_000
MEBIBYTE = 2**20
SHAPE = (64, 64)


@helion.kernel(config=helion.Config(block_sizes=[16, 64], num_warps=4))
def scaled_add(x: torch.Tensor, y: torch.Tensor, scale: float) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] + y[tile] * scale
    return out


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("serving") / "kernels.helion"
    example = torch.empty(SHAPE, device="meta")
    request = BuildRequest(scaled_add, (example, example, 0.5))
    build_bundle(made, [request], targets=[target_of_device(torch.device("cuda", 0)).name])
    return made


@pytest.fixture(params=["ctypes", "extension"])
def bundle(path: Path, request: pytest.FixtureRequest) -> Any:
    if request.param == "extension" and find_native() is None:
        pytest.skip("the extension module is not installed")
    driver = CudaDriver()
    if request.param == "ctypes":
        driver.launch_address = None
    return helion_runtime.load(path, driver=driver)


def operands(device: str = "cuda") -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(SHAPE, device=device), torch.randn(SHAPE, device=device)


def test_threads_on_streams_of_their_own(bundle: Any) -> None:
    op = bundle.scaled_add
    started = threading.Barrier(THREADS)

    def work(number: int) -> list[int]:
        """The calls whose results are wrong."""
        wrong = []
        with torch.cuda.stream(torch.cuda.Stream()):
            x, y = operands()
            started.wait()
            for call in range(CALLS):
                scale = float(number + call % 7)
                out = op(x, y, scale)
                if call % CHECK_EVERY == 0 and not torch.allclose(out, x + y * scale, atol=1e-5):
                    wrong.append(call)
        return wrong

    with ThreadPoolExecutor(THREADS) as pool:  # what a thread raises is raised here
        assert list(pool.map(work, range(THREADS))) == [[]] * THREADS


def test_graphs(bundle: Any) -> None:
    bundle.warm()
    x, y = operands()
    bundle.scaled_add(x, y, 2.0)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = bundle.scaled_add(x, y, 2.0)
    for _ in range(3):
        x.normal_()
        graph.replay()
        torch.testing.assert_close(out, x + y * 2.0)


def test_compiled_in_one_graph(bundle: Any, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["bundle"]
    operator = bundle.scaled_add.register(f"serving_gpu_{name}")
    x, y = operands()
    torch.library.opcheck(operator, (x, y, 2.0))
    compiled = torch.compile(lambda x, y: bundle.scaled_add(x.sin(), y, 2.0).cos(), fullgraph=True)
    torch.testing.assert_close(compiled(x, y), (x.sin() + y * 2.0).cos())


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_devices_in_turns(bundle: Any) -> None:
    pairs = [operands(f"cuda:{device}") for device in range(2)]
    for call in range(1000):
        x, y = pairs[call % 2]
        out = bundle.scaled_add(x, y, float(call))
        assert out.device == x.device
        if call % 100 < 2:
            torch.testing.assert_close(out, x + y * float(call))


def test_calls_leave_nothing_behind(bundle: Any) -> None:
    x, y = operands()
    for call in range(10_000):
        bundle.scaled_add(x, y, float(call))
    torch.cuda.synchronize()
    on_the_device, on_the_host = torch.cuda.memory_allocated(), resident_bytes()
    for call in range(MANY_CALLS):
        bundle.scaled_add(x, y, float(call))
    torch.cuda.synchronize()
    assert torch.cuda.memory_allocated() == on_the_device
    assert resident_bytes() - on_the_host < 2 * MEBIBYTE


def resident_bytes() -> int:
    """Memory of this process, by Linux's count."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
