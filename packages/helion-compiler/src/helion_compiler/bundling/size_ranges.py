"""Ranges of sizes: a variant that serves batches of 2 to 128, with a config of its own, beside one for 129 to 4096.

In: example arguments whose sizes may be ranges, written ``bf16[2..128,4096]``, or ``bf16[16..2048/16,4096]`` for
multiples of 16 alone. Out: tensors to trace with, and guards. What is a range is compiled for any size; what is a
number beside it, in any argument, for that size alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.torch_bridge.symbolic import mark_static
from helion_runtime.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from helion_runtime.entries import Expression, VariantEntry

_RANGE = re.compile(r"(\d+)\.\.(\d+)(/16)?", re.ASCII)
_DIVISOR = 16
"""What sizes are multiples of, or are not, decides how wide memory is accessed; see ``building/specialization.py``."""


@attrs.frozen
class SizeRange:
    """Sizes from ``low`` to ``high``, both included; with ``wide``, multiples of 16 alone."""

    low: int
    high: int
    wide: bool = False

    def __attrs_post_init__(self) -> None:
        if not 2 <= self.low <= self.example <= self.high:
            raise BundleRequestError(
                problem=f"{self} is no range of sizes that one variant serves",
                remedy="begin at 2 or more, since a size of 1 is compiled for alone, and end above; write a single "
                "size as a number",
            )

    def __str__(self) -> str:
        return f"{self.low}..{self.high}{'/16' if self.wide else ''}"

    @property
    def example(self) -> int:
        """The largest size of its kind: a multiple of 16, or none, since the variant serves what its example is."""
        rest = self.high % _DIVISOR
        if self.wide:
            return self.high - rest
        return self.high if rest else self.high - 1

    def guard(self, size: Expression) -> Iterator[Expression]:
        """The conditions on a size; that it is a multiple of 16 follows from the example."""
        yield ["le", self.low, size]
        yield ["le", size, self.high]


def parse_range(text: str) -> SizeRange | None:
    """The range that a text is, if it is one. Raises :class:`BundleRequestError` for one that no variant serves."""
    found = _RANGE.fullmatch(text)
    return None if found is None else SizeRange(int(found[1]), int(found[2]), found[3] is not None)


@attrs.frozen(eq=False)
class RangedTensor:
    """An example of a tensor of which some sizes are ranges; ``ranges`` has None for the others."""

    example: torch.Tensor
    ranges: tuple[SizeRange | None, ...]

    def marked(self) -> torch.Tensor:
        """The example, whose other sizes are fixed."""
        fixed = [dim for dim, each in enumerate(self.ranges) if each is None]
        return mark_static(self.example, fixed)


def examples_of(args: Sequence[Any]) -> tuple[Any, ...]:
    """``args`` with tensors for ranged ones. Where there is one, sizes that are no ranges are fixed, in all of them."""
    if not any(isinstance(arg, RangedTensor) for arg in args):
        return tuple(args)
    return tuple(map(_example, args))


def _example(arg: Any) -> Any:
    if isinstance(arg, RangedTensor):
        return arg.marked()
    if isinstance(arg, torch.Tensor):
        return mark_static(arg, range(arg.ndim))
    return tuple(map(_example, arg)) if isinstance(arg, tuple) else arg


def within(
    variant: VariantEntry, names: Sequence[str], ranged: Mapping[str, RangedTensor]
) -> VariantEntry:
    """``variant`` of an op with these arguments, for sizes within the ranges alone."""
    conditions = [
        condition
        for name, tensor in ranged.items()
        for dim, each in enumerate(tensor.ranges)
        if each is not None
        for condition in each.guard(["size", names.index(name), dim])
    ]
    kept = [condition for condition in conditions if condition not in variant.guard]
    return replace(variant, guard=(*variant.guard, *kept))
