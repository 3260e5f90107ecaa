"""Keys that depend on the target: an AMD GPU's, and those that it has not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target
from helion_compiler.bundling import BuildRequest
from helion_compiler.bundling.variants import compile_variants

if TYPE_CHECKING:
    from types import ModuleType

BLOCKS = {"block_sizes": [32, 16, 32]}
AMD_ONLY = ("waves_per_eu", "matrix_instr_nonkdim", "xcd_remap")


@pytest.fixture
def matmul(config_kernels: ModuleType) -> Any:
    return config_kernels.CASES["matmul"]


def test_amd_has_its_own_keys(matmul: Any) -> None:
    spec = matmul.bind_for("gfx942").config_spec
    parameters = spec.space.parameters
    assert set(AMD_ONLY) <= parameters.keys()
    assert not any(name.startswith(("maxnreg", "load_eviction_policies")) for name in parameters)
    assert list(parameters["num_warps"].values())[-1] == 16  # of 64 threads
    excluded = {item.what: item.reason for item in spec.excluded}
    assert "waves_per_eu" in excluded["maxnreg"]
    with pytest.raises(InvalidConfig, match="AMD's loads have no eviction policies"):
        spec.point(helion.Config(load_eviction_policies=["first", ""]))


@pytest.mark.parametrize("target", ["sm_90", "gfx1100"])
def test_other_targets_have_none_or_fewer(target: str, matmul: Any) -> None:
    spec = matmul.bind_for(target).config_spec
    assert "xcd_remap" not in spec.space.parameters
    with pytest.raises(InvalidConfig):
        spec.point(helion.Config(xcd_remap=True))
    assert ("waves_per_eu" in spec.space.parameters) == (target != "sm_90")


def test_without_products_no_matrix_instruction(config_kernels: ModuleType) -> None:
    spec = config_kernels.CASES["add"].bind_for("gfx942").config_spec
    excluded = {item.what: item.reason for item in spec.excluded}
    assert excluded["matrix_instr_nonkdim"] == "the kernel has no matrix product"


def test_hints_reach_the_compiler(matmul: Any) -> None:
    specialized = matmul.bind_for("gfx942").specialized
    binaries = set()
    for hints in ({}, {"waves_per_eu": 2}, {"matrix_instr_nonkdim": 16, "waves_per_eu": 1}):
        config = helion.Config(**BLOCKS, **hints)
        options = specialized.lower(config).schedule.compile_options
        assert {key: options.get(key) for key in hints} == hints
        binaries.add(specialized.build(config, parse_target("gfx942")).image.binary)
    assert len(binaries) == 3


@pytest.mark.parametrize("kind", ["flat", "persistent_blocked", "persistent_interleaved"])
@pytest.mark.parametrize("blocks", [[32, 16, 32], [16, 16, 32], [64, 64, 64]], ids=str)
def test_every_tile_is_done_once_along_dies(kind: str, blocks: list[int], matmul: Any) -> None:
    """9, 15 and 2 tiles: more and fewer than there are dies."""
    bound = matmul.bind_for("gfx942")
    config = helion.Config(block_sizes=blocks, pid_type=kind, xcd_remap=True, l2_groupings=[2])
    assert "along_dies(" in bound.to_triton_code(config)
    arguments = matmul.make()
    torch.testing.assert_close(
        bound.compile_config(config)(*arguments), matmul.expected(*arguments)
    )


def test_a_grid_of_dimensions_is_not_dealt_out(matmul: Any) -> None:
    bound = matmul.bind_for("gfx942")
    config = helion.Config(**BLOCKS, pid_type="xyz", xcd_remap=True)
    assert "along_dies" not in bound.to_triton_code(config)


def test_bundles_choose_for_each_target(matmul: Any) -> None:
    """A config for one kind of GPU is refused for another, before anything is compiled."""
    kernel = helion.kernel()(matmul.function)
    config = helion.Config(**BLOCKS, waves_per_eu=2)
    request = BuildRequest(kernel, matmul.make(), config=config)
    (built,) = compile_variants([request], ["gfx942"], jobs=1)
    assert built.image.entry.arch == "gfx942"
    with pytest.raises(InvalidConfig, match="it concerns AMD GPUs"):
        compile_variants([request], ["gfx942", "sm_90"], jobs=1)


@helion.kernel
def widened(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty(x.shape, dtype=torch.float32, device=x.device)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile].to(torch.float32)
    return out


def test_a_dtype_that_the_target_lacks_leaves_no_config() -> None:
    arguments: Any = (torch.empty(64, dtype=torch.float8_e4m3fn),)
    for name in ("sm_80", "sm_86", "sm_89", "sm_90", "gfx942"):
        target = parse_target(name)
        bound = BuildRequest(kernel=widened, args=arguments).bind(target)
        config = bound.space.default_config()
        if name in ("sm_80", "sm_86"):
            reason = f"architecture {name[3:]}, and torch.float8_e4m3fn begins with 89"
            with pytest.raises(InvalidConfig, match=reason):
                bound.build(config, target)
        else:
            assert bound.build(config, target).image.binary


def test_shared_memory_and_registers_are_the_targets(matmul: Any) -> None:
    reasons = {
        name: " ".join(one.reason for one in matmul.bind_for(name).config_spec.advice)
        for name in ("sm_80", "sm_86", "sm_90", "sm_100", "gfx942")
    }
    kib = {"sm_80": 163, "sm_86": 99, "sm_90": 227, "sm_100": 227, "gfx942": 64}
    for name, size in kib.items():
        assert f"would not fit {size} KiB" in reasons[name]
    assert "the 1536 threads" in reasons["sm_86"]
    assert "the 2048 threads" in reasons["sm_90"]
