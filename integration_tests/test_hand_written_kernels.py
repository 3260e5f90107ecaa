"""Clusters, programmatic dependent launch, descriptors made on the device: how they are launched, that they work."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import torch

import hand_written_kernels
import helion_runtime
from hand_written_kernels import BLOCK, SIDE
from helion_runtime import generate
from helion_runtime.cuda_driver import CudaDriver
from helion_runtime.driver import DeviceProperties
from helion_runtime.native import find_native
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from pathlib import Path

HOPPER = DeviceProperties("hopper", (9, 0), 132, 232448)
CLUSTER, DEPENDENT = 4, 6
"""Numbers of CUlaunchAttributeID: cluster dimension, programmatic stream serialization."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("by hand") / "kernels.helion"
    hand_written_kernels.build(made, 90)
    return made


@pytest.fixture
def recorded(path: Path) -> tuple[Any, RecordingDriver]:
    driver = RecordingDriver(helion_runtime.load(path).manifest.kernels, HOPPER)
    return helion_runtime.load(path, driver=driver), driver


def test_dependent_kernels_are_launched_as_such(recorded: tuple[Any, RecordingDriver]) -> None:
    bundle, driver = recorded
    bundle.steps(torch.zeros(10, 100))
    assert len(driver.launches) == 4
    for launch in driver.launches:
        ((number, value),) = launch.attributes
        assert (number, value[:4]) == (DEPENDENT, b"\1\0\0\0")
    passed = [[int.from_bytes(w, "little") for w in one.parameters[:2]] for one in driver.launches]
    assert [target for _, target in passed[:-1]] == [source for source, _ in passed[1:]]
    assert len({address for pair in passed for address in pair}) == 5


def test_clusters_are_whole(recorded: tuple[Any, RecordingDriver]) -> None:
    bundle, driver = recorded
    bundle.doubled(torch.zeros(10, 100))
    (launch,) = driver.launches
    attributes = dict(launch.attributes)
    assert attributes[CLUSTER][:12] == b"\2\0\0\0\1\0\0\0\1\0\0\0"
    assert launch.grid == (2 * -(-1000 // BLOCK), 1, 1)


def test_every_program_has_scratch_for_its_descriptors(
    recorded: tuple[Any, RecordingDriver], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, driver = recorded
    (kernel,) = (one for one in bundle.manifest.kernels if one.symbol == "negated")
    assert kernel.global_scratch_size >= 2 * 128
    assert kernel.global_scratch_align <= 256  # as torch aligns allocations on GPUs
    made: list[torch.Tensor] = []

    def remembered(*args: Any) -> torch.Tensor:
        made.append(torch.empty_strided(*args[:2], dtype=args[2]))
        return made[-1]

    monkeypatch.setattr(generate, "find_empty", lambda device_type: remembered)
    bundle.negated(torch.zeros(100, 80))
    (launch,) = driver.launches
    assert launch.grid == (-(-100 // SIDE), -(-80 // SIDE), 1)
    programs = launch.grid[0] * launch.grid[1]
    (scratch,) = (tensor for tensor in made if tensor.dtype == torch.uint8)
    assert scratch.numel() == programs * kernel.global_scratch_size
    assert int.from_bytes(launch.parameters[4], "little") == scratch.data_ptr()


@pytest.fixture(params=["ctypes", "extension"])
def served(path: Path, request: pytest.FixtureRequest) -> Any:
    if torch.cuda.get_device_capability() != (9, 0):
        pytest.skip("the kernels are for compute capability 9.0")
    if request.param == "extension" and find_native() is None:
        pytest.skip("the extension module is not installed")
    driver = CudaDriver()
    if request.param == "ctypes":
        driver.launch_address = None
    return helion_runtime.load(path, driver=driver)


def check(bundle: Any, rows: int, columns: int) -> None:
    x = torch.randn(rows, columns, device="cuda")
    torch.testing.assert_close(bundle.steps(x), x + 4)  # turned round four times
    torch.testing.assert_close(bundle.doubled(x), x * 2)
    torch.testing.assert_close(bundle.negated(x), -x)


@pytest.mark.gpu
@pytest.mark.parametrize(("rows", "columns"), [(1, 16), (100, 80), (513, 1024), (4096, 4096)])
def test_they_give_what_torch_gives(served: Any, rows: int, columns: int) -> None:
    for _ in range(20):
        check(served, rows, columns)


@pytest.mark.gpu
def test_they_run_in_a_graph(served: Any) -> None:
    served.warm()
    x = torch.randn(512, 512, device="cuda")
    check(served, 512, 512)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = served.negated(served.doubled(served.steps(x)))
    for _ in range(5):
        x.normal_()
        graph.replay()
        torch.testing.assert_close(out, -2 * (x + 4))


@pytest.mark.gpu
def test_they_run_on_streams_of_many_threads(served: Any) -> None:
    """Scratch of one launch is not given to another while it runs."""
    started = threading.Barrier(8)

    def work(number: int) -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            started.wait()
            for call in range(200):
                check(served, 64 + number, 16 * (1 + call % 7))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
