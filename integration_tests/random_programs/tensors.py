"""The arguments of a random program: shapes, dtypes, what they hold and how they lie in memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

LAYOUTS = ("dense", "dense", "dense", "transposed", "sliced", "shifted", "expanded")


@attrs.frozen
class Content:
    """What a tensor holds: random multiples of ``grain`` (0: any number) between two, or one of :data:`KINDS`."""

    low: float
    high: float
    grain: float = 1.0
    kind: str = "random"


@attrs.frozen
class TensorSpec:
    """One argument."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    content: Content
    layout: str = "dense"

    def make(self, generator: torch.Generator, device: str) -> torch.Tensor:
        """The tensor on ``device``."""
        numbers = KINDS[self.content.kind](self, generator)
        return lay_out(numbers.to(device, self.dtype), self.layout)


def _random(spec: TensorSpec, generator: torch.Generator) -> torch.Tensor:
    content = spec.content
    if content.grain:
        first, last = math.ceil(content.low / content.grain), int(content.high / content.grain)
        whole = torch.randint(first, last + 1, spec.shape, generator=generator)
        return whole.double() * content.grain
    uniform = torch.rand(spec.shape, generator=generator, dtype=torch.float64)
    return content.low + (content.high - content.low) * uniform


def _permutation(spec: TensorSpec, generator: torch.Generator) -> torch.Tensor:
    return torch.randperm(math.prod(spec.shape), generator=generator).reshape(spec.shape)


def _offsets(spec: TensorSpec, generator: torch.Generator) -> torch.Tensor:
    """Ascending from 0 to at most ``high``."""
    (count,) = spec.shape
    found = torch.randint(0, int(spec.content.high) + 1, (count,), generator=generator)
    ordered = found.sort().values
    ordered[0] = 0
    return ordered


KINDS: dict[str, Callable[[TensorSpec, torch.Generator], torch.Tensor]] = {
    "random": _random,
    "permutation": _permutation,
    "offsets": _offsets,
}


def lay_out(tensor: torch.Tensor, layout: str) -> torch.Tensor:
    """The same values elsewhere in memory; an expanded tensor repeats the first of them."""
    if layout == "transposed" and tensor.ndim >= 2:
        order = list(reversed(range(tensor.ndim)))
        return tensor.permute(order).contiguous().permute(order)
    if layout == "sliced" and tensor.ndim:
        wide = _poisoned(tensor, (*tensor.shape[:-1], 2 * tensor.shape[-1] + 1))
        return wide[..., 1::2].copy_(tensor)
    if layout == "shifted":  # one element past an address that is a multiple of 16
        memory = _poisoned(tensor, (tensor.numel() + 1,))
        return memory[1:].view(tensor.shape).copy_(tensor)
    if layout == "expanded" and tensor.ndim and tensor.shape[0]:
        return tensor[:1].expand(tensor.shape)
    return tensor


def _poisoned(like: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    if like.dtype.is_floating_point:
        return like.new_full(shape, math.nan)
    return like.new_full(shape, True if like.dtype is torch.bool else torch.iinfo(like.dtype).max)
