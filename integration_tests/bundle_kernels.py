"""Kernels of every kind that a bundle can hold, what they are built for, and what they are to give.

Optional arguments, several outputs, arguments that are written to, views of one buffer, workspaces, descriptors,
launch attributes, numbers of each kind, sizes that are fixed and sizes that are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

import helion
import helion.language as hl
from helion_compiler import BuildRequest
from matmul import matmul
from split_k_barrier import split_k_barrier

if TYPE_CHECKING:
    from collections.abc import Callable


@helion.kernel(config=helion.Config(block_sizes=[4]))
def moments(x: torch.Tensor, weight: torch.Tensor | None) -> dict[str, torch.Tensor]:
    mean = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
    spread = torch.empty_like(mean)
    for tile in hl.tile(x.size(0)):
        values = x[tile, :]
        if weight is not None:
            values = values * weight[None, :]
        mean[tile] = values.mean(-1)
        spread[tile] = values.amax(-1) - values.amin(-1)
    return {"mean": mean, "spread": spread}


def moments_by_torch(x: torch.Tensor, weight: torch.Tensor | None) -> dict[str, torch.Tensor]:
    values = x if weight is None else x * weight
    return {"mean": values.mean(-1), "spread": values.amax(-1) - values.amin(-1)}


@helion.kernel(config=helion.Config(block_sizes=[8, 32]))
def grow(x: torch.Tensor, factor: float, shift: int, negate: bool) -> torch.Tensor:
    """Writes to its argument and returns it."""
    for tile in hl.tile(x.size()):
        grown = x[tile] * factor + shift
        x[tile] = -grown if negate else grown
    return x


def grow_by_torch(x: torch.Tensor, factor: float, shift: int, negate: bool) -> torch.Tensor:
    grown = x * factor + shift
    return x.copy_(-grown if negate else grown)


@helion.kernel(config=helion.Config(block_sizes=[8, 32]))
def signs(x: torch.Tensor) -> tuple[Any, ...]:
    """Views of one buffer, one of them transposed, and a number."""
    both = torch.empty([2, x.size(0), x.size(1)], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile(x.size()):
        values = x[tile_m, tile_n]
        both[0, tile_m, tile_n] = torch.relu(values)
        both[1, tile_m, tile_n] = torch.relu(-values)
    return both[0], [both[1].t(), both.view(-1)], x.size(0)


def signs_by_torch(x: torch.Tensor) -> tuple[Any, ...]:
    both = torch.stack([torch.relu(x), torch.relu(-x)])
    return both[0], [both[1].t(), both.view(-1)], x.size(0)


@attrs.frozen(eq=False)
class Case:
    """An op, what it is built for, and calls that the bundle must serve."""

    kernel: Any
    expected: Callable[..., Any]
    built: tuple[tuple[Any, ...], ...]
    calls: tuple[tuple[Any, ...], ...]
    config: dict[str, Any] | None = None
    static_shapes: bool | None = None
    rtol: float = 1e-5

    def requests(self) -> list[BuildRequest]:
        """What to build."""
        return [
            BuildRequest(
                self.kernel, _made(args, "meta"), self.config, static_shapes=self.static_shapes
            )
            for args in self.built
        ]

    def arguments(self, call: int, device: str) -> tuple[Any, ...]:
        """The arguments of a call, the same each time."""
        torch.manual_seed(call)
        return _made(self.calls[call], device)


@attrs.frozen
class Sizes:
    """Stands for a tensor."""

    sizes: tuple[int, ...]
    dtype: torch.dtype = torch.float32


def _made(args: tuple[Any, ...], device: str) -> tuple[Any, ...]:
    return tuple(
        torch.randn(item.sizes, device=device).to(item.dtype) if isinstance(item, Sizes) else item
        for item in args
    )


def f32(*sizes: int) -> Sizes:
    return Sizes(sizes)


def bf16(*sizes: int) -> Sizes:
    return Sizes(sizes, torch.bfloat16)


DESCRIPTORS = ["tensor_descriptor", "tensor_descriptor", "pointer"]

CASES = {
    "moments": Case(
        moments,
        moments_by_torch,
        ((f32(32, 100), None), (f32(32, 100), f32(100))),
        ((f32(32, 100), None), (f32(32, 100), f32(100))),
    ),
    "any moments": Case(
        moments,
        moments_by_torch,
        ((f32(40, 100), None),),
        ((f32(7, 33), None), (f32(2, 64), None), (f32(129, 100), None)),
        static_shapes=False,
    ),
    "grow": Case(
        grow,
        grow_by_torch,
        ((f32(50, 70), 0.5, 2, True), (f32(50, 70), 0.5, 2, False)),
        ((f32(50, 70), 3.0, 7, True), (f32(50, 70), -1.0, 9, False)),
    ),
    "signs": Case(signs, signs_by_torch, ((f32(50, 70),),), ((f32(50, 70),),)),
    "split_k_barrier": Case(
        split_k_barrier,
        torch.matmul,
        ((f32(48, 512), f32(512, 32)),),
        ((f32(48, 512), f32(512, 32)),),
        config={"block_sizes": [128, 16, 16, 32, 16, 16], "pid_type": "persistent_interleaved"},
        rtol=3e-2,
    ),
    "matmul": Case(
        matmul,
        torch.matmul,
        ((bf16(200, 96), bf16(96, 136)),),
        ((bf16(200, 96), bf16(96, 136)),),
        config={"block_sizes": [64, 64, 32], "num_stages": 3, "indexing": DESCRIPTORS},
        rtol=2e-2,
    ),
}
"""By the name of the case. Cases of one kernel go into one op."""
