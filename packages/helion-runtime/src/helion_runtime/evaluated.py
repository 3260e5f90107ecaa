"""One variant with every number in place: what an argument signature decides, computed once.

Made by :func:`helion_runtime.plan.evaluate_variant`; carried out on tensors by the same module, and launched by
:mod:`helion_runtime.launcher` and :mod:`helion_runtime.generate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from helion_runtime.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch


class _OpDevice:
    """Stands for the op's device among the arguments of an operator."""


DEVICE = _OpDevice()


class Allocation(Record):
    """A buffer to make: sizes and strides in elements; ``fill`` goes into every element."""

    buffer: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype
    fill: int | float | bool | None


class View(Record):
    """A view of ``base``: sizes, strides and offset in elements, the offset from the base's first
    element."""

    buffer: int
    base: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


class Reference(Record):
    """A buffer as an argument of an operator."""

    buffer: int


class CallNumber(Record):
    """A number that each call computes: an expression of which only open floats are left."""

    expression: Any


class Result(Record):
    """A tensor that an operator gives: its number, and the layout that the rest takes it to have."""

    buffer: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype


class Call(Record):
    """An operator to call. Arguments are constants, :class:`Reference`, :class:`CallNumber`, and
    tuples of them."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...]
    results: tuple[Result, ...]


class Read(Record):
    """Read the element of a buffer under ``number``; ``exact`` where what follows depends on its
    value, not on its type alone; ``again`` where a call may start once more after it."""

    number: int
    buffer: int
    exact: bool
    again: bool


EvaluatedStep: TypeAlias = Allocation | View | Call | Read


class Address(Record):
    """Where ``root`` (an argument or an allocation, never a view) starts, plus ``byte_offset``."""

    root: int
    byte_offset: int


class Scalar(Record):
    """A number known from the signature, already fit for packing as ``type``."""

    type: str
    value: int | float


class CallScalar(Record):
    """A float that each call computes from its open floats, packed as ``type``."""

    type: str
    number: CallNumber


class Descriptor(Record):
    """A tensor descriptor: shape and strides in elements; ``layout`` indexes the kernel's
    descriptors."""

    address: Address
    layout: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


EvaluatedArgument: TypeAlias = Address | Scalar | CallScalar | Descriptor


class EvaluatedLaunch(Record):
    """One launch with its grid in programs; a grid with a zero launches nothing."""

    kernel: str
    grid: tuple[int, int, int]
    arguments: tuple[EvaluatedArgument, ...]

    @property
    def programs(self) -> int:
        """How many programs run."""
        return self.grid[0] * self.grid[1] * self.grid[2]


class EvaluatedVariant(Record):
    """What of a variant an argument signature decides, and the numbers read so far.

    ``steps`` come first, then ``launches``, then the steps in ``after``, then the return. Where the
    last step is a :class:`Read`, what follows it is unknown until its number is, and ``outputs`` is
    None.

    ``outputs`` is a tree of ``("buffer", n)``, ``("number", CallNumber)``, ``("constant", value)``,
    ``("tuple", trees)``, ``("list", trees)``, ``("dict", pairs)`` and ``("object", (make, trees))``.
    """

    n_arguments: int
    steps: tuple[EvaluatedStep, ...]
    launches: tuple[EvaluatedLaunch, ...]
    outputs: tuple[object, ...] | None
    after: tuple[EvaluatedStep, ...] = ()

    @property
    def read(self) -> Read | None:
        """The number to read before the rest can be evaluated."""
        last = (*self.steps, *self.after)[-1:]
        return last[0] if last and isinstance(last[0], Read) else None
