"""Three kernels around any operator: on tiles of everything, on tiles of rows, and on all of it at once.

In: a call and what torch gives for it. Out: tensors that a config with partial tiles computed in the interpreter, and
whether the generated source compiles for a GPU that need not be present.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

import helion
import helion.language as hl
from helion import exc
from helion_compiler.building import parse_target
from operator_coverage.calls import OperatorCall, follows_rows, is_elementwise

if TYPE_CHECKING:
    from collections.abc import Callable


class WrongType(Exception):  # noqa: N818 - what a comparison found
    """The operator has another element type or rank in a kernel than in torch."""


def elementwise(call: Any, tensors: list[torch.Tensor], outs: list[torch.Tensor]) -> None:
    """Tiles over every dimension; operands without dimensions are loaded as they are."""
    for tile in hl.tile(outs[0].size()):
        results = call([tensor[tile] if tensor.ndim else tensor[()] for tensor in tensors])
        for out, result in zip(outs, results, strict=True):
            out[tile] = result


def by_rows(call: Any, tensors: list[torch.Tensor], follows: Any, outs: list[torch.Tensor]) -> None:
    """Tiles of rows, each with everything that belongs to them."""
    for tile in hl.tile(outs[0].size(0)):
        loaded = [
            tensor[tile, ...] if follow else tensor[...]
            for tensor, follow in zip(tensors, follows, strict=True)
        ]
        for out, result in zip(outs, call(loaded), strict=True):
            out[tile, ...] = result


def whole(call: Any, tensors: list[torch.Tensor], outs: list[torch.Tensor]) -> None:
    """One program that holds all of it."""
    for _ in hl.tile(1):
        for out, result in zip(outs, call([tensor[...] for tensor in tensors]), strict=True):
            out[...] = result


@attrs.frozen
class Prepared:
    """A kernel with its arguments and one config; ``mode`` is the name of the kernel."""

    mode: str
    kernel: helion.Kernel[..., None]
    arguments: tuple[Any, ...]
    outs: list[torch.Tensor]
    config: helion.Config

    def run(self) -> list[torch.Tensor]:
        """Run it in the interpreter."""
        self.kernel(*self.arguments)
        return self.outs

    def compile(self) -> None:
        """Compile it for an H100, without one."""
        bound: Any = self.kernel.bind(self.arguments)
        bound._implementation.specialized.build(self.config, parse_target("sm_90"))


def prepare(call: OperatorCall, expected: list[torch.Tensor]) -> Prepared:
    """The kernel that splits the call into as many tiles as it allows."""
    outs = [_poisoned(result) for result in expected]
    if is_elementwise(call, expected):
        call = call.broadcast()
        sizes = [_half(size) for size in expected[0].shape]
        return _prepared(elementwise, sizes, (list(call.tensors), outs), call, expected)
    follows = follows_rows(call, expected)
    if follows is not None:
        sizes = [_half(expected[0].shape[0])]
        arguments = (list(call.tensors), tuple(follows), outs)
        return _prepared(by_rows, sizes, arguments, call, expected)
    return _prepared(whole, [1], (list(call.tensors), outs), call, expected)


def _prepared(
    function: Callable[..., None],
    sizes: list[int],
    arguments: tuple[Any, ...],
    call: OperatorCall,
    expected: list[torch.Tensor],
) -> Prepared:
    types = [(result.dtype, result.ndim) for result in expected]

    def checked(tiles: list[torch.Tensor]) -> list[torch.Tensor]:
        results = call(tiles)
        found = [(result.dtype, result.ndim) for result in results]
        if found != types:
            raise WrongType(f"{found} in the kernel and {types} in torch")
        return results

    everything = (checked, *arguments)
    config = helion.Config(block_sizes=sizes)
    kernel: helion.Kernel[..., None] = helion.kernel(config=config)(function)
    try:
        kernel.bind(everything).to_triton_code(config)
    except exc.InvalidConfig:  # matrix products need tiles of 16
        config = helion.Config(block_sizes=[max(size, 16) for size in sizes])
        kernel = helion.kernel(config=config)(function)
    return Prepared(function.__name__, kernel, everything, arguments[-1], config)


def _half(size: int) -> int:
    """The largest power of two below ``size``: two tiles, the second of them partial or full."""
    return max(1, 1 << ((size - 1).bit_length() - 1)) if size > 1 else 1


def _poisoned(like: torch.Tensor) -> torch.Tensor:
    """A tensor of this shape that holds what no operator gives."""
    out = torch.empty(like.shape, dtype=like.dtype)
    if like.dtype is torch.bool:
        return out.copy_(~like.to_dense())
    return out.fill_(float("nan") if out.is_floating_point() else 113)
