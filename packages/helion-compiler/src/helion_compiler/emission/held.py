"""Which dimensions Triton's values have: those of more than one lane.

A value of a Program has every dimension that the author gave it. In Triton only those with several lanes exist: a
batch tile of one index leaves matrices matrices, as tensor cores want them, a dimension that broadcasting needs is
text between brackets, and a value of one lane is a scalar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from helion_compiler.emission.dtypes import dtype_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.program.types import Size, Value
    from helion_compiler.scheduling import Schedule


class Emission(Protocol):
    """What is asked here of an emission, which itself asks for what is here."""

    schedule: Schedule

    def use(self, value: Value) -> str:
        """The name of a value."""

    def define(self, value: Value, text: str) -> object:
        """Assign text to a value."""

    def shape(self, sizes: tuple[Size, ...]) -> str:
        """A shape as Triton text."""

    def laid(self, text: str, shape: Sequence[Size], dims: Sequence[int]) -> str:
        """A value with some dimensions of a shape, laid out as values of the shape are."""


def held(context: Emission, shape: Sequence[Size]) -> tuple[int, ...]:
    """The dimensions of a shape that Triton's value has."""
    return tuple(dim for dim, size in enumerate(shape) if context.schedule.lanes(size) != 1)


def position(context: Emission, shape: Sequence[Size], dim: int) -> int | None:
    """Which dimension of Triton's value a dimension of the shape is; None if it has one lane."""
    dims = held(context, shape)
    return dims.index(dim) if dim in dims else None


def spread(context: Emission, text: str, shape: Sequence[Size], dim: int) -> str:
    """Text with lanes along one dimension of a shape, so that it broadcasts to the shape."""
    return _bracketed(context.laid(text, shape, (dim,)), held(context, shape), (dim,))


def placed(
    context: Emission,
    value: Value,
    shape: Sequence[Size],
    dims: Sequence[int] | None = None,
) -> str:
    """A value whose dimensions lie along ``dims`` of a shape (by default the last), so that it broadcasts there."""
    own = value.type.shape
    if dims is None:
        dims = range(len(shape) - len(own), len(shape))
    along = [dims[dim] for dim in held(context, own)]
    return _bracketed(context.laid(context.use(value), shape, along), held(context, shape), along)


def _bracketed(text: str, wanted: Sequence[int], own: Sequence[int]) -> str:
    """``text`` with dimensions ``own``, which are some of those wanted, and None for the others."""
    along = [dim for dim in wanted if dim in own]
    if not along or len(along) == len(wanted):
        return text
    return f"{text}[{', '.join(':' if dim in along else 'None' for dim in wanted)}]"


def complete(context: Emission, value: Value, dims: Sequence[int] | None = None) -> str:
    """A value with all its dimensions, or with these and those that it holds anyway."""
    shape = value.type.shape
    own = held(context, shape)
    wanted = [dim for dim in range(len(shape)) if dims is None or dim in own or dim in dims]
    name = context.use(value)
    if len(wanted) == len(own):
        return name
    if not own:
        return f"tl.full({[1] * len(wanted)}, {name}, {name}.dtype)"
    return _bracketed(name, wanted, own)


def define_complete(context: Emission, value: Value, text: str) -> None:
    """Assign text with all dimensions of ``value``, of which those of one lane go away."""
    shape = value.type.shape
    own = held(context, shape)
    if len(own) == len(shape):
        context.define(value, text)
    elif own:
        context.define(value, f"tl.reshape({text}, {context.shape(shape)})")
    else:
        dtype = dtype_text(value.type.dtype)
        context.define(value, f"tl.sum(tl.reshape({text}, [1]), 0).to({dtype})")
