"""One variant with every number in place: what an argument signature decides, computed once.

Made by :func:`helion_runtime.plan.evaluate_variant`; carried out on tensors by the same module, and launched by
:mod:`helion_runtime.launcher` and :mod:`helion_runtime.generate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    import torch


@attrs.frozen
class Allocation:
    """A buffer to make: sizes and strides in elements; ``fill`` goes into every element."""

    buffer: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype
    fill: int | float | bool | None


@attrs.frozen
class View:
    """A view of ``base``: sizes, strides and offset in elements, the offset from the base's first
    element."""

    buffer: int
    base: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


@attrs.frozen
class Address:
    """Where ``root`` (an argument or an allocation, never a view) starts, plus ``byte_offset``."""

    root: int
    byte_offset: int


@attrs.frozen
class Scalar:
    """A number known from the signature, already fit for packing as ``type``."""

    type: str
    value: int | float


@attrs.frozen
class CallScalar:
    """A float argument of the call, packed as ``type`` on every call."""

    type: str
    position: int


@attrs.frozen
class Descriptor:
    """A tensor descriptor: shape and strides in elements; ``layout`` indexes the kernel's
    descriptors."""

    address: Address
    layout: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


EvaluatedArgument: TypeAlias = Address | Scalar | CallScalar | Descriptor


@attrs.frozen
class EvaluatedLaunch:
    """One launch with its grid in programs; a grid with a zero launches nothing."""

    kernel: str
    grid: tuple[int, int, int]
    arguments: tuple[EvaluatedArgument, ...]

    @property
    def programs(self) -> int:
        """How many programs run."""
        return self.grid[0] * self.grid[1] * self.grid[2]


@attrs.frozen
class EvaluatedVariant:
    """Everything of a variant that an argument signature decides.

    ``outputs`` is a tree of ``("buffer", n)``, ``("argument", n)``, ``("constant", value)``,
    ``("tuple", trees)`` and ``("list", trees)``.
    """

    n_arguments: int
    steps: tuple[Allocation | View, ...]
    launches: tuple[EvaluatedLaunch, ...]
    outputs: tuple[object, ...]
