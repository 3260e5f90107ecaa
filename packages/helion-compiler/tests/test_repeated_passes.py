"""Rows that are held as they were loaded: what is computed of them is computed anew behind each reduction."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.program.lane_ops import Renew
from helion_compiler.program.ops import Load, Reduce
from helion_compiler.program.verifier import verify_program
from helion_compiler.scheduling.repeat_passes import repeat_passes
from helion_compiler.space import derive_space
from helion_compiler.space.target_traits import TargetTraits

LONG = 40_000
"""Indices of a row that takes 65536 lanes."""
WHOLE = helion.Config(block_sizes=[1], reduction_loops=[None], num_warps=32)
RENEWED = helion.Config(block_sizes=[1], reduction_loops=[1 << 16], num_warps=32)

STEPS = helion.Config(block_sizes=[1], reduction_loops=[8192], num_warps=32)


@helion.kernel()
def softmax(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = torch.softmax(x[tile, :], -1)
    return out


@helion.kernel()
def normalised(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    out, means = torch.empty_like(x), x.new_empty([x.size(0)], dtype=torch.float32)
    for tile in hl.tile(x.size(0)):
        row = x[tile, :].to(torch.float32)
        variance, mean = torch.var_mean(row, -1, keepdim=True, correction=0)
        means[tile] = mean.squeeze(-1)
        scaled = (row - mean) * torch.rsqrt(variance + 1e-5)
        out[tile, :] = (scaled * weight[:].to(torch.float32) + bias[:]).to(x.dtype)
    return out, means


@helion.kernel()
def gradient(grads: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    result = torch.empty_like(out)
    for tile in hl.tile(out.size(0)):
        row = out[tile, :].to(torch.float32)
        both = grads[tile, :].to(torch.float32) * row
        result[tile, :] = both - row * both.sum(-1, keepdim=True)
    return result


def made(kernel: Any, *arguments: Any) -> Any:
    return kernel.bind(arguments)._implementation


def numbers(*shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("columns", [LONG, 1 << 16, (1 << 15) + 1])
def test_results_are_those_of_rows_that_are_held_as_they_are_computed_with(
    columns: int, dtype: torch.dtype
) -> None:
    x = numbers(2, columns, dtype=dtype)
    kernel = made(softmax, x)
    torch.testing.assert_close(
        kernel.compile_config(RENEWED)(x), kernel.compile_config(WHOLE)(x), rtol=0, atol=0
    )


def test_what_only_the_last_pass_reads_is_loaded_there() -> None:
    x, weight, bias = numbers(3, LONG), numbers(LONG), numbers(LONG)
    kernel = made(normalised, x, weight, bias)
    found, expected = (kernel.compile_config(c)(x, weight, bias) for c in (RENEWED, WHOLE))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    source = kernel.to_triton_code(RENEWED)
    assert source.count("renewed(") == 1 + 2  # its definition, and two passes behind the first
    assert source.index("rsqrt(") < source.index("tl.load(weight")


def test_every_tensor_that_is_read_again_is_renewed() -> None:
    grads, out = numbers(2, LONG), numbers(2, LONG)
    kernel = made(gradient, grads, out)
    found, expected = (kernel.compile_config(c)(grads, out) for c in (RENEWED, WHOLE))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    program = repeated(kernel)
    assert sum(isinstance(op, Load) for op in program.walk()) == 2
    assert sorted(op.operand.name for op in program.walk() if isinstance(op, Renew)) == [
        "grads",
        "out",
    ]


def repeated(kernel: Any) -> Any:
    program = kernel.specialized.program
    (axis,) = program.whole_axes()
    new = repeat_passes(program, axis)
    verify_program(new)
    return new


def test_nothing_that_is_computed_of_a_row_is_held_across_a_reduction() -> None:
    program = repeated(made(normalised, numbers(3, LONG), numbers(LONG), numbers(LONG)))
    (axis,) = program.whole_axes()
    ops = program.grids[0].body.ops
    loads = {op.result for op in ops if isinstance(op, Load)}
    for place, op in enumerate(ops):
        if isinstance(op, Reduce):
            before = {op.result for op in ops[:place] if hasattr(op, "result")} - loads
            read = {
                value
                for later in ops[place + 1 :]
                for value in getattr(later, "args", ())
                if value in before
            }
            assert not [value for value in read if axis.size in value.type.shape]


def test_rows_of_float32_are_as_they_were_loaded_anyway() -> None:
    x = numbers(2, LONG, dtype=torch.float32)
    program = repeated(made(softmax, x))
    assert not any(isinstance(op, Renew) for op in program.walk())


@pytest.mark.parametrize(
    ("x", "offered"),
    [
        (numbers(2, LONG), True),
        (numbers(2, 1 << 16, dtype=torch.float16), True),
        (numbers(2, 16384), False),  # another program has room beside it as it is
        (numbers(2, (1 << 16) + 1), False),  # nothing holds it
        (numbers(2, LONG, dtype=torch.float32), False),  # nothing gains
    ],
)
def test_long_rows_of_sixteen_bits_may_be_renewed(x: torch.Tensor, offered: bool) -> None:
    space = made(softmax, x).config_spec
    (site,) = space.sites["reduction_loops"]
    assert ((1 << 16) in site.parameter.values()) == offered == bool(space.renewed)


def test_other_gpus_have_no_such_function() -> None:
    program = made(softmax, numbers(2, LONG)).specialized.program
    assert derive_space(program).renewed
    assert not derive_space(program, traits=TargetTraits("hip", "gfx942", 64)).renewed


def test_rows_of_nearly_65536_are_renewed_untuned() -> None:
    """On an H200: 152, 139 and 165 µs where steps took 163, 163 and 183 (docs/performance)."""
    long = 1 << 16
    for kernel, arguments in (
        (softmax, (numbers(1, long).expand(2048, long),)),
        (normalised, (numbers(1, long).expand(2048, long), numbers(long), numbers(long))),
    ):
        space = made(kernel, *arguments).config_spec
        assert space.default_config()["reduction_loops"] == (long,)
        assert space.default_config()["num_warps"] == 32
        walked = space.without_renewed().default_config()
        assert walked["reduction_loops"][0] < long


def test_a_loop_that_is_none_has_no_stages() -> None:
    space = made(softmax, numbers(2, LONG)).config_spec
    assert "num_stages" not in space.config(space.point(RENEWED))
    assert "num_stages" in space.config(space.without_renewed().point(STEPS))
