"""Triton, assembly, prints and breakpoints in tile loops, and pairs of tiles."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
import triton
import triton.language as tl

import helion
import helion.language as hl
from helion import exc, reference
from helion_compiler.building import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

SCALE = tl.constexpr(3.0)


@triton.jit
def scaled(x):
    return x * SCALE


@triton.jit
def scaled_sum(x, y, factor):
    """Calls another function, and mentions a constant of its module."""
    return scaled(x) + y * factor


@triton.jit
def both(x, y):
    return x + y, x - y


def computed(kernel: Callable[..., Any], *args: Any, blocks: list[int]) -> Any:
    return helion.kernel(kernel, config=helion.Config(block_sizes=blocks))(*args)


def build(kernel: Callable[..., Any], *args: Any, blocks: list[int]) -> Any:
    bound: Any = helion.kernel(kernel).bind(args)
    config = helion.Config(block_sizes=blocks)
    return bound._implementation.specialized.build(config, parse_target("sm_90"))


def by_position(x: torch.Tensor, y: torch.Tensor, factor: float) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = hl.inline_triton(
            """
            # `x` is a name of its own here, whatever the kernel calls its variables
            x = {0} * 2
            for _ in range(2):
                x += {1} * {2}
            tl.where(x > 0, x, 0.0)
            """,
            args=(x[tile], y[tile], factor),
            output_like=x[tile],
        )
    return out


def by_name(x: torch.Tensor, y: torch.Tensor, factor: float) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        a, b = hl.inline_triton(
            "{first} + {second}, {first} * {factor}",
            args={"first": x[tile], "second": y[tile], "factor": factor},
            output_like=(x[tile], x[tile]),
        )
        out[tile] = a * b
    return out


def called(x: torch.Tensor, y: torch.Tensor, factor: float) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        scaled = x[tile] + 1  # a variable of the name of the function that it calls
        out[tile] = hl.triton_kernel(scaled_sum, (scaled, y[tile], factor), scaled)
    return out


def called_by_source(x: torch.Tensor, y: torch.Tensor, factor: float) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        source = """
            @triton.jit
            def f(a, b, c):
                return a * c - b
        """
        args = {"a": x[tile], "c": factor, "b": y[tile]}
        out[tile] = hl.triton_kernel(source, args, x[tile])
    return out


def called_for_two(x: torch.Tensor, y: torch.Tensor, factor: float) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        total, difference = hl.triton_kernel(both, (x[tile], y[tile]), (x[tile], y[tile]))
        out[tile] = total * difference * factor
    return out


CASES = [
    (by_position, lambda x, y, f: torch.relu(x * 2 + 2 * y * f)),
    (by_name, lambda x, y, f: (x + y) * (x * f)),
    (called, lambda x, y, f: (x + 1) * 3 + y * f),
    (called_by_source, lambda x, y, f: x * f - y),
    (called_for_two, lambda x, y, f: (x + y) * (x - y) * f),
]


@pytest.mark.parametrize(("kernel", "expected"), CASES, ids=[case[0].__name__ for case in CASES])
def test_triton_within_kernels(kernel: Any, expected: Any) -> None:
    x, y = torch.randn(2, 7, 19)
    found = computed(kernel, x, y, 2.5, blocks=[4, 8])
    torch.testing.assert_close(found, expected(x, y, 2.5))
    assert len(build(kernel, x, y, 2.5, blocks=[4, 8]).image.binary) > 1000


def test_statements_without_a_value_are_kept() -> None:
    def kernel(x: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        for tile in hl.tile(x.size(0)):
            hl.inline_triton("tl.device_assert({0} > 0, 'positive')", (x[tile] + 1,), None)
            out[tile] = x[tile]
        return out

    computed(kernel, torch.ones(8), torch.empty(8), blocks=[8])
    with pytest.raises(AssertionError, match="positive"):
        computed(kernel, torch.full((8,), -2.0), torch.empty(8), blocks=[8])


def assembled(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile_m, tile_n in hl.tile(x.size()):
        out[tile_m, tile_n] = hl.inline_asm_elementwise(
            "add.f32 $0, $1, $2;",
            "=f,f,f",
            [x[tile_m, tile_n], y[tile_n]],
            x.dtype,
            is_pure=True,
            pack=1,
        )
    return out


def test_assembly_compiles_and_does_not_run_here() -> None:
    x, y = torch.randn(7, 19), torch.randn(19)
    built = build(assembled, x, y, blocks=[4, 8])
    assert b"add.f32" in built.image.binary or len(built.image.binary) > 1000
    with pytest.raises(NotImplementedError, match="runs on a GPU only"):
        computed(assembled, x, y, blocks=[4, 8])


def pairs(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty([*x.size(), 2], dtype=torch.float32, device=x.device)
    for tile_m, tile_n in hl.tile(x.size()):
        joined = hl.join(x[tile_m, tile_n], y[tile_n])
        first, second = hl.split(joined)
        out[tile_m, tile_n, :] = hl.join(second * 2, first) + joined
    return out


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int32])
def test_pairs(dtype: torch.dtype) -> None:
    x, y = (torch.randn(5, 11) * 9).to(dtype), torch.randn(11)
    found = computed(pairs, x, y, blocks=[4, 8])
    torch.testing.assert_close(found, reference.run(pairs, (x, y)).outputs)
    assert len(build(pairs, x, y, blocks=[4, 8]).image.binary) > 1000


def test_sums_of_pairs_skip_padding() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([2], dtype=torch.float32, device=x.device)
        for tile in hl.tile(x.size(0), block_size=16):
            out[:] = hl.join(x[tile] + 1, x[tile] * 2).sum(0)
        return out

    x = torch.randn(11)
    expected = torch.stack([(x + 1).sum(), (x * 2).sum()])
    torch.testing.assert_close(computed(kernel, x, blocks=[]), expected)


def printing(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        hl.device_print("values", x[tile])
        print("indices of", tile)
        print("hello")
        print("flags", x[tile] > 1)
        out[tile] = x[tile]
    return out


def test_prints(capsys: pytest.CaptureFixture[str]) -> None:
    computed(printing, torch.arange(4.0), blocks=[4])
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(") ")[2].strip() for line in lines] == [
        "values:  [0. 1. 2. 3.]",
        "indices of:  [0 1 2 3]",
        "hello",
        "flags:  [0 0 1 1]",
    ]
    assert len(build(printing, torch.arange(4.0), blocks=[4]).image.binary) > 1000


def stopping(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        hl.breakpoint()
        out[tile] = x[tile]
    return out


def stopping_as_python_does(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        breakpoint()  # what is tested
        out[tile] = x[tile]
    return out


@pytest.mark.parametrize("kernel", [stopping, stopping_as_python_does])
def test_breakpoints_stop_interpreted_kernels_alone(
    kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops: list[None] = []
    monkeypatch.setattr(sys, "breakpointhook", lambda: stops.append(None))
    computed(kernel, torch.ones(9), blocks=[4])
    assert len(stops) == 3
    with pytest.raises(exc.BreakpointInDeviceLoopRequiresInterpret):
        build(kernel, torch.ones(9), blocks=[4])
