"""Keys that change the launch and what Triton is told, not the source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target

if TYPE_CHECKING:
    from types import ModuleType

BLOCKS = {"block_sizes": [16, 16, 16]}
PERSISTENT = BLOCKS | {"pid_type": "persistent_interleaved"}


def _bind(config_kernels: ModuleType, **settings: Any) -> Any:
    case = config_kernels.CASES["matmul"]
    return helion.kernel(**settings)(case.function).bind(case.make())


def _grid(bound: Any, config: dict[str, Any]) -> Any:
    built = bound._implementation.specialized.build(helion.Config(**config), parse_target("sm_90"))
    return built.variant.launches[0].grid[0]


def test_programs_per_multiprocessor(config_kernels: ModuleType) -> None:
    bound = _bind(config_kernels)
    assert _grid(bound, BLOCKS) == 15
    assert _grid(bound, PERSISTENT) == ["min", 15, ["sm_count"]]
    many = PERSISTENT | {"num_sm_multiplier": 3}
    assert _grid(bound, many) == ["min", 15, ["mul", ["sm_count"], 3]]
    # Without a loop over tiles there is nothing to multiply.
    assert _grid(bound, BLOCKS | {"num_sm_multiplier": 4}) == 15
    case = config_kernels.CASES["matmul"]
    arguments = case.make()
    torch.testing.assert_close(
        bound.compile_config(helion.Config(**many))(*arguments), case.expected(*arguments)
    )


def test_reserved_multiprocessors_get_no_programs(config_kernels: ModuleType) -> None:
    bound = _bind(config_kernels, persistent_reserved_sms=8)
    reserved = ["max", 1, ["sub", ["sm_count"], 8]]
    many = PERSISTENT | {"num_sm_multiplier": 2}
    assert _grid(bound, many) == ["min", 15, ["mul", reserved, 2]]


@pytest.mark.parametrize("registers", [None, 64, 128, 256])
def test_registers_per_thread(registers: int | None, config_kernels: ModuleType) -> None:
    """Triton writes the limit into the kernel, so that the binary differs."""
    specialized = _bind(config_kernels)._implementation.specialized
    config = helion.Config(**PERSISTENT, maxnreg=registers)
    options = specialized.lower(config).schedule.compile_options
    assert options.get("maxnreg") == registers
    texts: list[str] = []

    def compiler(request: dict[str, Any]) -> dict[str, Any]:
        from helion_runtime.recompiling.worker import compile_request

        texts.append(repr(request["options"]))
        return compile_request(request)

    built = specialized.build(config, parse_target("sm_90"), compiler)
    assert built.image.binary
    assert ("maxnreg" in texts[0]) == (registers is not None)


@helion.kernel()
def two_passes(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 2
    hl.barrier()
    for tile in hl.tile(x.size(0)):
        out[tile] = out[tile] + 1
    return out


def test_a_barrier_has_one_program_a_multiprocessor() -> None:
    bound = two_passes.bind((torch.randn(1000),))
    excluded = {item.what: item.reason for item in bound.config_spec.excluded}
    assert "barrier" in excluded["num_sm_multiplier"]
    with pytest.raises(InvalidConfig, match="may not all run at once"):
        bound.to_triton_code(helion.Config(num_sm_multiplier=2))
    assert "maxnreg" in bound.config_spec.space.parameters


def test_a_few_tiles_need_no_more_programs(config_kernels: ModuleType) -> None:
    space = _bind(config_kernels).config_spec.space
    point = {"pid_type": "persistent_blocked"}
    few = {"block_sizes[tile_m]": 64, "block_sizes[tile_n]": 64}
    assert "num_sm_multiplier" not in space.active(space.point({**point, **few}))
    many = {"block_sizes[tile_m]": 16, "block_sizes[tile_n]": 16}
    assert "num_sm_multiplier" in space.active(space.point({**point, **many}))
