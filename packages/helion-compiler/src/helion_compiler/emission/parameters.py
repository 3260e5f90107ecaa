"""The parameters of an emitted kernel: what each stands for, in the order of the signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    import sympy

    from helion_compiler.program.types import Buffer


@attrs.frozen
class BufferParameter:
    """A pointer to the first element of a buffer."""

    name: str
    buffer: Buffer


@attrs.frozen
class DescriptorParameter:
    """A host tensor descriptor over a whole buffer, moving ``block`` elements at a time.

    ``order`` lists the buffer's dimensions as the descriptor has them: the contiguous one last. ``layout`` is how a
    block lies in shared memory, as Gluon writes it; empty where Triton finds that out.
    """

    name: str
    buffer: Buffer
    order: tuple[int, ...]
    block: tuple[int, ...]
    layout: str = ""


@attrs.frozen
class ScalarParameter:
    """An integer that is only known at run time: a size, a stride or an argument."""

    name: str
    symbol: sympy.Symbol


KernelParameter: TypeAlias = BufferParameter | DescriptorParameter | ScalarParameter
