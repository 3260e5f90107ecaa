"""One bundle of kernels of every kind for several architectures: what calls launch, and what they give on a GPU."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion_runtime
from bundle_kernels import CASES, Case
from helion_compiler import build_bundle
from helion_runtime.bundle.reading import read_verified
from helion_runtime.driver import DeviceProperties
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOPPER = DeviceProperties("hopper", (9, 0), 132, 232448)
AMPERE = DeviceProperties("ampere", (8, 0), 108, 166912)
BLACKWELL = DeviceProperties("blackwell", (12, 0), 170, 101376)
TARGETS = ("sm_90", "sm_80", "ptx_80", "gfx942")

EACH_CALL = [
    pytest.param(case, call, id=f"{name}-{call}")
    for name, case in CASES.items()
    for call in range(len(case.calls))
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("kinds") / "kinds.helion"
    requests = [request for case in CASES.values() for request in case.requests()]
    build_bundle(made, requests, targets=TARGETS)
    return made


def opened(path: Path, device: DeviceProperties) -> tuple[Any, RecordingDriver]:
    driver = RecordingDriver(helion_runtime.load(path).manifest.kernels, device)
    return helion_runtime.load(path, driver=driver), driver


def test_it_holds_code_for_every_target(path: Path) -> None:
    content = read_verified(path)
    arches = {kernel.name: kernel.arch for kernel in content.manifest.kernels}
    for op in content.manifest.ops:
        found = {arches[variant.launches[0].kernel] for variant in op.variants}
        assert found == {"sm_90a", "sm_80", "ptx_80", "gfx942"}, op.name
    kinds = {name.rpartition(".")[2] for name in content.files}
    assert kinds == {"cubin", "ptx", "hsaco", "py"}
    assert content.manifest.requires.cuda_driver > 0


@pytest.mark.parametrize("device", [HOPPER, AMPERE, BLACKWELL], ids=lambda device: device.name)
@pytest.mark.parametrize(("case", "call"), EACH_CALL)
def test_a_call_returns_what_the_source_would(
    path: Path, case: Case, call: int, device: DeviceProperties
) -> None:
    """All but the numbers, which no kernel has written here."""
    bundle, driver = opened(path, device)
    ours, theirs = case.arguments(call, "cpu"), case.arguments(call, "cpu")
    found, expected = bundle.ops[case.kernel.name](*ours), case.expected(*theirs)
    assert structure(found, ours) == structure(expected, theirs)
    (launch,) = driver.launches
    assert min(launch.grid) > 0
    ((_, _, binary),) = driver.loaded
    assert binary.startswith(b"//" if device is BLACKWELL else b"\x7fELF")


def tensors(tree: Any) -> Iterator[torch.Tensor]:
    """Every tensor of a result, in order."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, (dict, list, tuple)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from tensors(item)


def structure(tree: Any, args: tuple[Any, ...]) -> Any:
    """What a result is, less the numbers in its tensors: which of them share memory, and which is an argument."""
    buffers = [each.untyped_storage().data_ptr() for each in tensors(tree)]

    def shape(item: Any) -> Any:
        if isinstance(item, torch.Tensor):
            shared = buffers.index(item.untyped_storage().data_ptr())
            same = [position for position, arg in enumerate(args) if arg is item]
            place = (shared, item.storage_offset(), item.stride())
            return item.dtype, tuple(item.shape), place, same
        if isinstance(item, dict):
            return {name: shape(value) for name, value in item.items()}
        return type(item), [*map(shape, item)] if isinstance(item, (list, tuple)) else item

    return shape(tree)


def test_what_is_written_to_is_told(path: Path) -> None:
    manifest = helion_runtime.load(path).manifest
    written = {op.name: {variant.mutates for variant in op.variants} for op in manifest.ops}
    assert written.pop("grow") == {(0,)}
    assert set().union(*written.values()) == {()}


def test_numbers_of_each_kind_are_passed(path: Path) -> None:
    bundle, driver = opened(path, HOPPER)
    x = torch.zeros(50, 70)
    for negate in (True, False):
        assert bundle.grow(x, 3.5, 7, negate) is x
        pointer, *words = driver.launches[-1].parameters
        assert pointer == x.data_ptr().to_bytes(8, "little")
        assert struct.pack("=f", 3.5) in words
        assert struct.pack("=i", 7) in words
    assert driver.launches[0] != driver.launches[1] or len(driver.loaded) == 2


def test_a_workspace_is_zeroed_and_kept_back(path: Path) -> None:
    bundle, driver = opened(path, HOPPER)
    x, y = torch.zeros(48, 512), torch.zeros(512, 32)
    out = bundle.split_k_barrier(x, y)
    (launch,) = driver.launches
    addresses = [int.from_bytes(word, "little") for word in launch.parameters if len(word) == 8]
    assert {x.data_ptr(), y.data_ptr(), out.data_ptr()} < set(addresses)
    variant = bundle.split_k_barrier.variants[0]
    zeroed = [step for step in variant.steps if getattr(step, "fill", None) == 0]
    assert [len(step.sizes) for step in zeroed] == [3, 1]  # partial products; the barrier's counter
    kind, buffer = variant.outputs
    assert kind == "buffer"
    assert variant.steps[buffer - 2] not in zeroed


def test_launch_attributes_are_those_of_the_kernel(path: Path) -> None:
    """Programs that wait for each other have to run at once."""
    manifest = helion_runtime.load(path).manifest
    cooperative = {kernel.symbol for kernel in manifest.kernels if kernel.cooperative}
    assert cooperative == {"split_k_barrier"}
    bundle, driver = opened(path, HOPPER)
    bundle.split_k_barrier(torch.zeros(48, 512), torch.zeros(512, 32))
    (launch,) = driver.launches
    assert [number for number, _ in launch.attributes] == [2]  # CU_LAUNCH_ATTRIBUTE_COOPERATIVE
    assert launch.grid[0] <= HOPPER.sm_count


@pytest.mark.parametrize("device", [HOPPER, AMPERE], ids=lambda device: device.name)
def test_descriptors_are_tensor_maps_where_there_are_any(
    path: Path, device: DeviceProperties
) -> None:
    bundle, driver = opened(path, device)
    x, y = torch.zeros(200, 96).bfloat16(), torch.zeros(96, 136).bfloat16()
    bundle.matmul(x, y)
    (launch,) = driver.launches
    maps = [word for word in launch.parameters if len(word) == 128]
    assert len(maps) == (2 if device is HOPPER else 0)
    sizes = [struct.pack("=i" if device is HOPPER else "=q", size) for size in (200, 96, 136)]
    assert all(size in launch.parameters for size in sizes)


@pytest.mark.gpu
@pytest.mark.parametrize(("case", "call"), EACH_CALL)
def test_a_call_gives_what_torch_gives(path: Path, case: Case, call: int) -> None:
    ours, theirs = case.arguments(call, "cuda"), case.arguments(call, "cuda")
    found, expected = helion_runtime.load(path).ops[case.kernel.name](*ours), case.expected(*theirs)
    assert structure(found, ours) == structure(expected, theirs)
    for one, other in zip(tensors(found), tensors(expected), strict=True):
        torch.testing.assert_close(one, other, rtol=case.rtol, atol=case.rtol)
    for one, other in zip(ours, theirs, strict=True):
        if isinstance(one, torch.Tensor):
            # written to alike, or not at all
            torch.testing.assert_close(one, other, rtol=case.rtol, atol=case.rtol)
