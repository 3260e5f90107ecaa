"""Tunables: values that the config chooses, known while the kernel is traced; each choice is a program of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import helion
import helion.language as hl
from helion import exc
from helion.autotuner import BooleanFragment, EnumFragment, IntegerFragment, PowerOfTwoFragment


def split_sums(x: torch.Tensor) -> torch.Tensor:
    """As many partial sums as the config says: the tunable decides a shape of the host."""
    m, n = x.size()
    parts = hl.register_tunable("parts", PowerOfTwoFragment(1, 8, 2))
    negate = hl.register_tunable("negate", BooleanFragment())
    kind = hl.register_tunable("kind", EnumFragment(("sum", "amax")))
    extra = hl.register_tunable("extra", IntegerFragment(0, 5, 1))
    block = helion.next_power_of_2(helion.cdiv(n, parts))
    partial = torch.full([parts, m], -1.0, dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n], block_size=[None, block]):
        value = x[tile_m, tile_n].sum(-1) if kind == "sum" else x[tile_m, tile_n].amax(-1)
        if negate:
            value = -value
        partial[tile_n.id, tile_m] = value + extra
    return partial


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("kind", ["sum", "amax"])
@pytest.mark.parametrize("negate", [False, True])
def test_each_choice_is_a_program_of_its_own(parts: int, kind: str, negate: bool) -> None:
    x = torch.randn(7, 32)
    bound = helion.kernel(split_sums).bind((x,))
    config = helion.Config(block_sizes=[4], parts=parts, kind=kind, negate=negate, extra=3)
    found = bound.compile_config(config)(x)
    reduced: Any = torch.stack([getattr(part, kind)(-1) for part in x.split(32 // parts, 1)])
    torch.testing.assert_close(found, (-reduced if negate else reduced) + 3)


def test_defaults_and_their_place_in_configs() -> None:
    x = torch.randn(7, 32)
    bound = helion.kernel(split_sums).bind((x,))
    default = bound.config_spec.default_config()
    assert (default["parts"], default["negate"]) == (2, False)
    assert (default["kind"], default["extra"]) == ("sum", 1)
    assert {"parts", "negate", "kind", "extra"} <= set(bound.config_spec.space.default)
    found = helion.kernel(split_sums)(x)
    torch.testing.assert_close(found, torch.stack([p.sum(-1) for p in x.split(16, 1)]) + 1)


def test_values_that_nobody_declared_are_refused() -> None:
    bound = helion.kernel(split_sums).bind((torch.randn(7, 32),))
    with pytest.raises(exc.InvalidConfig, match="registers no such value"):
        bound.compile_config(helion.Config(block_sizes=[4], parts=3))


def test_names_are_taken_once() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        hl.register_tunable("a", BooleanFragment())
        hl.register_tunable("a", BooleanFragment())
        for tile in hl.tile(x.size(0)):
            x[tile] = x[tile] + 1
        return x

    with pytest.raises(exc.TunableNameConflict):
        helion.kernel(kernel)(torch.ones(4))


def test_a_barrier_needs_programs_that_all_run() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        y, z = torch.empty_like(x), torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            y[tile] = x[tile] + 1
        hl.barrier()
        for tile in hl.tile(x.size(0)):
            z[tile] = y[tile] * 2
        return z

    bound = helion.kernel(kernel).bind((torch.ones(9),))
    with pytest.raises(exc.BarrierRequiresPersistent):
        bound.compile_config(helion.Config(block_sizes=[4, 4], pid_type="flat"))


def test_dimensions_that_are_marked_static_are_specialised() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile, :] = x[tile, :] * 2
        return out

    made: Any = helion.kernel(kernel, static_shapes=False, config=helion.Config(block_sizes=[4]))
    for shape in ((7, 5), (9, 5), (9, 6)):
        x = torch.randn(shape)
        torch._dynamo.mark_static(x, 1)
        torch.testing.assert_close(made(x), x * 2)
        (buffer, *_) = made.bind((x,))._implementation.specialized.program.buffers
        assert buffer.shape[1] == shape[1]
        assert not isinstance(buffer.shape[0], int)


def shares(x: torch.Tensor) -> torch.Tensor:
    """As many programs as the config says."""
    workers = hl.register_tunable("workers", PowerOfTwoFragment(2, 64, 32))
    out = torch.empty([workers, x.size(0)], dtype=x.dtype, device=x.device)
    for worker in hl.grid(workers):
        for tile in hl.tile(x.size(0)):
            out[worker, tile] = x[tile] * worker
    return out


def test_the_space_has_what_the_program_of_each_choice_has() -> None:
    """Few programs leave a multiprocessor no second one, so that there is no multiplier to choose then."""
    bound = helion.kernel(shares).bind((torch.randn(64),))
    space = bound.config_spec
    rng = np.random.default_rng(0)
    configs = [space.config(space.space.sample(rng)) for _ in range(60)]
    assert {2, 64} <= {config["workers"] for config in configs}
    assert any(config.get("num_sm_multiplier", 1) > 1 for config in configs)
    for config in configs:
        bound.to_triton_code(config)
    few = {"workers": 4, "num_sm_multiplier": 8, "pid_type": "persistent_blocked"}
    with pytest.raises(exc.InvalidConfig, match="no second tile to run"):
        bound.to_triton_code(helion.Config(**few))
