"""Checked by mypy, never run: what a type checker knows of kernels and of the language."""

from __future__ import annotations

from typing import Any, assert_type

import torch

import helion
import helion.language as hl


@helion.kernel
def bare(x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    return x * scale


@helion.kernel()
def called(x: torch.Tensor, *, flag: bool) -> tuple[torch.Tensor, int]:
    return x, int(flag)


@helion.jit(config=helion.Config(num_warps=8), static_shapes=False, dot_precision="ieee")
def configured(x: torch.Tensor, k: hl.constexpr) -> None:
    for tile_m, tile_n in hl.tile([x.size(0), k]):
        assert_type(tile_m, hl.Tile)
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        assert_type(acc, torch.Tensor)
        assert_type(x[tile_m, tile_n], torch.Tensor)
        x[tile_m, tile_n] = acc + hl.full([tile_m, tile_n], 1.0)
        x[tile_m + 1, None, ...] = hl.dot(acc, acc, acc=acc)
    for tile in hl.tile(x.size(0), block_size=16):
        assert_type(tile, hl.Tile)
        assert_type(x[tile], torch.Tensor)
        assert_type(tile.index, torch.Tensor)
        assert_type(hl.tile_begin(tile), int)


x = torch.zeros(3)
assert_type(bare(x), torch.Tensor)
assert_type(bare(x, scale=2.0), torch.Tensor)
assert_type(called(x, flag=True), tuple[torch.Tensor, int])
assert_type(called.bind((x,))(x), tuple[torch.Tensor, int])
assert_type(called.bind((x,)).to_triton_code(), str)
assert_type(bare.autotune((x,)), helion.Config)
assert_type(hl.specialize(x.size(0)), int)
assert_type(hl.specialize((1, 2)), tuple[int, ...])
assert_type(helion.Config()["num_warps"], Any)
assert_type(helion.cdiv(3, 2), int)
configured(x, 4)

bare("no tensor")  # type: ignore[arg-type]
bare()  # type: ignore[call-arg]
called(x)  # type: ignore[call-arg]
helion.kernel(static_shape=True)  # type: ignore[call-overload]
helion.kernel(dot_precision="tf64")  # type: ignore[call-overload]
