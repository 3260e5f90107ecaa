"""A case: one kernel of the gallery, what it is called with, the same by torch, and how fast it could be at best.

This file and :mod:`benchmarks.suite.cases` import torch alone: the process that runs PyTorch's Helion reads them, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.suite.limits import Limit


@attrs.frozen
class Maker:
    """Makes the tensors of one case: the same ones in every process on the same device."""

    device: str
    generator: torch.Generator

    @classmethod
    def on(cls, device: str) -> Maker:
        """With a seed of its own."""
        return cls(device, torch.Generator(device).manual_seed(0))

    def randn(self, *shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
        """Normal numbers."""
        return torch.randn(shape, generator=self.generator, device=self.device).to(dtype)

    def rand(self, *shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
        """Numbers between 0 and 1."""
        return torch.rand(shape, generator=self.generator, device=self.device).to(dtype)

    def integers(
        self, low: int, high: int, *shape: int, dtype: torch.dtype = torch.int64
    ) -> torch.Tensor:
        """Integers of ``[low, high)``."""
        numbers = torch.randint(low, high, shape, generator=self.generator, device=self.device)
        return numbers.to(dtype)

    def offsets(self, items: int, longest: int) -> torch.Tensor:
        """Where each of ``items`` jagged items begins, and the last ends."""
        ends = self.integers(0, longest + 1, items).cumsum(0)
        return torch.cat([ends.new_zeros(1), ends])


@attrs.frozen
class Case:
    """One row of the table.

    Attributes:
        name: the kernel's name in the table and the sizes, as in ``matmul-4096x4096x4096``.
        example: the module with the kernel, of ``examples/`` or of ``benchmarks/suite/kernels/``.
        kernel: its name there.
        arguments: makes what the kernel is called with, of the sizes.
        sizes: those that are measured.
        small: sizes for a test without a GPU.
        eager: the same by torch, from the same arguments; a string names a function of the example.
        expected: the same in higher precision, where ``eager`` of the arguments in float32 is not that.
        limit: what the times are compared with.
        flops: of the sizes; None where the traffic to memory is what counts.
        uncompiled: why torch.compile is not tried, if it is not.
    """

    name: str
    example: str
    kernel: str
    arguments: Callable[..., tuple[Any, ...]]
    sizes: tuple[int, ...]
    small: tuple[int, ...]
    eager: Callable[..., Any] | str
    limit: Limit
    expected: Callable[..., Any] | str | None = None
    flops: Callable[..., float] | None = None
    uncompiled: str = ""

    def make(self, device: str, sizes: tuple[int, ...] | None = None) -> tuple[Any, ...]:
        """The arguments on ``device``."""
        return self.arguments(Maker.on(device), *(self.sizes if sizes is None else sizes))


def by_size(prefix: str, sizes: tuple[tuple[int, ...], ...], **fields: Any) -> tuple[Case, ...]:
    """One case for each of ``sizes``, which ends its name."""
    return tuple(
        Case(name=f"{prefix}-{'x'.join(map(str, one))}", sizes=one, **fields) for one in sizes
    )


def in_float32(value: Any) -> Any:
    """A value with its floating tensors of 16 and 8 bits widened."""
    if isinstance(value, torch.Tensor) and value.is_floating_point() and value.itemsize < 4:
        return value.float()
    return value


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors of a result, or of arguments, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from tensors(entry)


def traffic(args: tuple[Any, ...], results: Any) -> int:
    """Bytes that have to be moved at least: every argument once, and every result once."""
    return sum(tensor.nbytes for tensor in (*tensors(args), *tensors(results)))
