"""Bundles of kernels with host code that computes: built without data, opened without a compiler."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch

import helion
import helion.language as hl
import helion_runtime
from helion_compiler import BuildRequest, build_bundle
from helion_runtime.driver import DeviceProperties
from helion_runtime.entries import ViewStep
from helion_runtime.errors import NoVariantError
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from pathlib import Path

HOPPER = DeviceProperties("hopper", (9, 0), 132, 232448)


class Pair(NamedTuple):
    first: torch.Tensor
    second: torch.Tensor


@helion.kernel(config=helion.Config(block_sizes=[8, 16]))
def rows_up_to(x: torch.Tensor, lengths: torch.Tensor, factor: float) -> Any:
    longest = int(lengths.max())
    halved = (x * (factor / 2)).contiguous()
    out = torch.zeros([longest, x.size(1)], dtype=x.dtype, device=x.device)
    lengths.add_(1)
    for tile in hl.tile([longest, x.size(1)]):
        out[tile] = halved[tile] * factor
    return {"out": out, "sums": Pair(halved.sum(0), lengths), "number": lengths.sum().item()}


@pytest.mark.parametrize("static_shapes", [True, False])
def test_numbers_that_only_a_call_tells(tmp_path: Path, static_shapes: bool) -> None:
    path = tmp_path / "b.helion"
    x = torch.empty(50, 40, device="meta")
    lengths = torch.empty(3, dtype=torch.int64, device="meta")
    build_bundle(
        path,
        [BuildRequest(rows_up_to, (x, lengths, 0.5), static_shapes=static_shapes)],
        targets=["sm_90"],
    )
    manifest = helion_runtime.load(path).manifest
    assert [variant.mutates for variant in manifest.ops[0].variants] == [(1,)]
    assert manifest.format_version == (1, 2)
    driver = RecordingDriver(manifest.kernels, device=HOPPER)
    op = helion_runtime.load(path, driver=driver).rows_up_to
    for launches, longest in enumerate((7, 49, 7, 1, 33), start=1):
        x = torch.randn(50, 40)
        lengths = torch.tensor([1, longest, 0])
        for factor in (0.5, 3.0):
            found = op(x, lengths, factor)
            assert list(found) == ["out", "sums", "number"]
            assert found["out"].shape == (int(lengths.max()) - 1, 40)
            torch.testing.assert_close(found["sums"][0], (x * (factor / 2)).sum(0))
            assert found["sums"][1] is lengths
            assert found["number"] == lengths.sum().item()
            assert struct.pack("=f", factor) in driver.launches[-1].parameters
        assert len(driver.launches) == 2 * launches
    with pytest.raises(NoVariantError) as caught:
        op(x, torch.tensor([51, 0, 0]), 0.5)
    assert any("host code read 51" in note for note in caught.value.__notes__)


@helion.kernel(config=helion.Config(block_sizes=[1]), static_shapes=False)
def one_row_per_multiprocessor(x: torch.Tensor) -> Any:
    count = torch.cuda.get_device_properties(x.device).multi_processor_count
    out = torch.empty([count, x.size(0)], device=x.device)
    for tile in hl.tile(count):
        out[tile, :] = x[None, :] * count
    return out, count


def test_multiprocessors_are_those_of_the_device_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "b.helion"
    x = torch.empty(40, device="meta")
    build_bundle(path, [BuildRequest(one_row_per_multiprocessor, (x,))], targets=["sm_90"])
    manifest = helion_runtime.load(path).manifest
    for count in (132, 78, 144):
        device = DeviceProperties("hopper", (9, 0), count, 232448)
        driver = RecordingDriver(manifest.kernels, device=device)
        out, found = helion_runtime.load(path, driver=driver).one_row_per_multiprocessor(
            torch.randn(40)
        )
        assert found == count
        assert out.shape == (count, 40)
        assert driver.launches[-1].grid == (count, 1, 1)


@helion.kernel(config=helion.Config(block_sizes=[8, 16]))
def product_of_halves(both: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    columns = both.size(1) // 2
    left, right = both[:, :columns], both[..., columns:]
    first = scale[0][None]
    out = torch.empty([both.size(0), columns], dtype=both.dtype, device=both.device)
    for tile_m, tile_n in hl.tile(out.size()):
        out[tile_m, tile_n] = left[tile_m, tile_n] * right[tile_m, tile_n] * first[0]
    return out


def test_slices_on_the_host_need_no_torch_for_gpus() -> None:
    """Torch's own subscripts of a tensor on a GPU fail where torch is built without CUDA."""
    both, scale = torch.empty(50, 40, device="meta"), torch.empty(3, device="meta")
    bound = BuildRequest(product_of_halves, (both, scale)).bind()
    left, right, _, first = (step for step in bound.program.steps if isinstance(step, ViewStep))
    assert (left.buffer, left.sizes, left.offset) == (0, (50, 20), 0)
    assert (right.buffer, right.sizes, right.offset) == (0, (50, 20), 20)
    assert (first.sizes, first.offset) == ((1,), 0)
