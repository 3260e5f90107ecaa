"""``on_miss="jit"`` with Triton: what a bundle holds as source is compiled for other devices, as the compiler would."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import torch

import helion
import helion.language as hl
import helion_runtime
from helion_compiler import BuildRequest, build_bundle
from helion_compiler.bundling.assemble import assemble
from helion_compiler.bundling.variants import compile_variants
from helion_runtime.driver import DeviceProperties
from helion_runtime.recompiling.recipe import read_recipe
from helion_runtime.record import replace
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from pathlib import Path

HOPPER = DeviceProperties("hopper", (9, 0), 132, 232448)
AMPERE = DeviceProperties("ampere", (8, 0), 108, 166912)


@helion.kernel(config=helion.Config(block_sizes=[64, 64, 32], num_warps=4, num_stages=3))
def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0), y.size(1)], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile(out.size()):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(x.size(1)):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc.to(x.dtype)
    return out


DESCRIBED = {
    "block_sizes": [64, 64, 32],
    "num_warps": 4,
    "indexing": ["tensor_descriptor", "tensor_descriptor", "pointer"],
}


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(128, 96).half(), torch.zeros(96, 192).half()


def built(folder: Path, target: str, config: Any = None) -> Any:
    request = BuildRequest(matmul, tensors(), config=config)  # type: ignore[arg-type]  # attrs converts it
    return build_bundle(folder / f"{target}.helion", [request], targets=[target], jobs=1)


@pytest.mark.parametrize("config", [None, DESCRIBED], ids=["pointers", "descriptors"])
@pytest.mark.parametrize(
    ("target", "device", "wanted"), [("sm_80", HOPPER, "sm_90"), ("sm_90", AMPERE, "sm_80")]
)
def test_a_recompiled_kernel_is_what_the_compiler_makes(
    tmp_path: Path, target: str, device: DeviceProperties, wanted: str, config: Any
) -> None:
    """The same launch as from a bundle that was built for the device: parameters, shared memory, block."""
    here = built(tmp_path, target, config)
    expected = built(tmp_path, wanted, config)
    launches = []
    for bundle in (here, expected):
        driver = RecordingDriver(expected.kernels, device)
        loaded = helion_runtime.load(bundle.path, bundle.id, on_miss="jit", driver=driver)
        x, y = tensors()
        assert loaded.matmul(x, y).shape == (128, 192)
        launches.append((driver.launches[-1], driver.encoded))
    (recompiled, encoded), (launch, as_encoded) = launches
    assert (recompiled.symbol, recompiled.grid, recompiled.block, recompiled.shared) == (
        launch.symbol,
        launch.grid,
        launch.block,
        launch.shared,
    )
    assert list(map(len, recompiled.parameters)) == list(map(len, launch.parameters))
    assert [geometry for _, geometry in encoded] == [geometry for _, geometry in as_encoded]


def test_tensors_that_are_not_aligned(tmp_path: Path) -> None:
    bundle = built(tmp_path, "sm_90")
    driver = RecordingDriver(bundle.kernels, HOPPER)
    op = helion_runtime.load(bundle.path, bundle.id, on_miss="jit", driver=driver).matmul
    x, y = tensors()
    moved = torch.zeros(x.numel() + 1).half()[1:].view_as(x)
    op(moved, y)
    op(x, y)
    assert len({binary for _, _, binary in driver.loaded}) == 2
    assert len(driver.launches) == 2


def test_sources_say_how_they_were_compiled(tmp_path: Path) -> None:
    bundle = built(tmp_path, "sm_90")
    with zipfile.ZipFile(bundle.path) as archive:
        (name,) = (name for name in archive.namelist() if name.startswith("source/"))
        *_, last = archive.read(name).decode().splitlines()
    assert last == (
        '# compiled with {"divisible": [true, true, true], "options": {"enable_fp_fusion": true, "num_stages": 3, '
        '"num_warps": 4}, "types": ["*fp16", "*fp16", "*fp16"]}'
    )


def test_variants_that_promise_less_have_sources_of_their_own() -> None:
    """One binary may come of two promises; compiled again, each keeps its own."""
    request = BuildRequest(matmul, tensors())  # type: ignore[arg-type]  # attrs converts it
    (compiled,) = compile_variants([request], ["sm_90"], jobs=1)
    less = replace(compiled.recipe, divisible=(False, True, True))
    content = assemble(
        [
            compiled,
            attrs.evolve(compiled, op="same"),
            attrs.evolve(compiled, op="less", recipe=less),
        ]
    )
    assert len(content.blobs) == 1
    assert len(content.kernels) == 2
    launched = {op.name: op.variants[0].launches[0].kernel for op in content.ops}
    assert launched["matmul"] == launched["same"] != launched["less"]
    recipes = {name: read_recipe(text, name) for name, text in content.sources.items()}
    assert recipes[launched["less"]] == less
    assert recipes[launched["matmul"]] == compiled.recipe
