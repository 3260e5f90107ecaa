"""Functions of Triton's language that only its compiler gives a meaning: loops, reductions, hints and assertions.

In: the language of a launch. Out: what a kernel finds instead of them, and instead of Python's `range`, `min`, `max`.
Assumed: options of loops and hints change speed only, so they are ignored.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from attrs import frozen
from triton.language import core
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from helion_compiler.interpreting.reductions import reduced, scanned
from helion_compiler.interpreting.runtime import known


class Binder(Protocol):
    """The part of a launch's language that meanings are made of."""

    @property
    def semantic(self) -> Any:
        """Triton's semantic layer over the launch's builder."""

    def bind(self, value: Any) -> Any:
        """What a kernel sees in place of a value."""

    def adopt(self, value: Any) -> Any:
        """A result of Triton's own code, as kernels can use it."""


@frozen
class Meanings:
    """The meanings within one launch."""

    language: Binder

    def by_identity(self) -> dict[int, Any]:
        """Replacements by the `id` of what they replace, since not all of it is hashable."""
        replacements: list[tuple[object, Any]] = [
            (core.range, self.range),
            (core.static_range, static_range),
            (core.reduce, self.reduce),
            (core._reduce_with_indices, self.reduce_with_indices),
            (core.associative_scan, self.scan),
            (core.map_elementwise, self.map_elementwise),
            (core.static_assert, static_assert),
            (core.static_print, print),
            (core.multiple_of, unchanged),
            (core.max_contiguous, unchanged),
            (core.max_constancy, unchanged),
            (gdc_wait, nothing),
            (gdc_launch_dependents, nothing),
        ]
        return {id(original): replacement for original, replacement in replacements}

    def builtins(self) -> dict[str, Any]:
        """What stands for Python's builtins of these names."""
        return {
            "range": self.range,
            "min": partial(self.extremum, min, core.minimum),
            "max": partial(self.extremum, max, core.maximum),
        }

    def range(
        self, start: Any, end: Any = None, step: Any = None, **_options: Any
    ) -> Iterator[Any]:
        """The indices of a loop at run time, as scalar tensors of the bounds' type."""
        start, end = (0, start) if end is None else (start, end)
        semantic = self.language.semantic
        bounds = [semantic.to_tensor(bound) for bound in (start, end, 1 if step is None else step)]
        is_wide = any(bound.dtype.primitive_bitwidth == 64 for bound in bounds)
        kind = core.int64 if is_wide else core.int32
        for index in range(*(int(bound.handle.data.item()) for bound in bounds)):
            yield self.language.adopt(semantic.scalar_constant(index, kind))

    def extremum(self, python: Callable[..., Any], triton: Any, *values: Any) -> Any:
        """`min` or `max`: Triton's if any value is a tensor."""
        if not any(isinstance(value, core.tensor) for value in values):
            return python(*values)
        result, *others = values
        for other in others:
            result = self.language.bind(triton)(result, other)
        return result

    def reduce(
        self,
        input: Any,  # noqa: A002  the name is Triton's, and kernels may use it
        axis: Any,
        combine_fn: Any,
        keep_dims: Any = False,
    ) -> Any:
        """`tl.reduce`."""
        tensors = (input,) if isinstance(input, core.tensor) else tuple(input)
        combine, source = self._combination(combine_fn)
        keeps = bool(known(keep_dims))
        results = reduced(tensors, known(axis), combine, source=source, keep_dims=keeps)
        return self.language.adopt(results[0] if isinstance(input, core.tensor) else results)

    def reduce_with_indices(
        self,
        input: Any,  # noqa: A002  the name is Triton's
        axis: Any,
        combine_fn: Any,
        keep_dims: Any = False,
    ) -> Any:
        """`tl.max(..., return_indices=True)` and its kin: a reduction of values with their positions."""
        bind = self.language.bind
        position = known(axis) % len(input.shape)
        index = bind(core.arange)(0, known(input.shape[position]))
        for dimension in range(len(input.shape)):
            if dimension != position:
                index = bind(core.expand_dims)(index, dimension)
        index = bind(core.broadcast_to)(index, input.shape)
        return self.reduce((input, index), position, combine_fn, keep_dims)

    def scan(
        self,
        input: Any,  # noqa: A002  the name is Triton's
        axis: Any,
        combine_fn: Any,
        reverse: Any = False,
    ) -> Any:
        """`tl.associative_scan`."""
        tensors = (input,) if isinstance(input, core.tensor) else tuple(input)
        combine, source = self._combination(combine_fn)
        backwards = bool(known(reverse))
        results = scanned(tensors, known(axis), combine, source=source, reverse=backwards)
        return self.language.adopt(results[0] if isinstance(input, core.tensor) else results)

    def map_elementwise(self, scalar_fn: Any, *args: Any, pack: Any = 1) -> Any:
        """`tl.map_elementwise`, on whole blocks: the function may not branch on its arguments."""
        if known(pack) != 1:
            raise NotImplementedError("tl.map_elementwise is interpreted only with pack=1")
        return self.language.bind(scalar_fn)(*args)

    def _combination(self, combine_fn: Any) -> tuple[Callable[..., Any], object]:
        """A combine function that takes Triton's own tensors, and the Python function behind it."""
        bound, adopt = self.language.bind(combine_fn), self.language.adopt

        def combine(*operands: Any) -> Any:
            return bound(*(adopt(operand) for operand in operands))

        return combine, getattr(bound, "source", None)


def static_range(start: Any, end: Any = None, step: Any = None) -> Iterator[int]:
    """The indices of an unrolled loop, as plain numbers."""
    start, end = (0, start) if end is None else (start, end)
    return iter(range(known(start), known(end), 1 if step is None else known(step)))


def static_assert(condition: Any, message: Any = "") -> None:
    """`tl.static_assert`."""
    if not known(condition):
        raise AssertionError(f"tl.static_assert failed: {known(message)}")


def nothing() -> None:
    """Programs run one after another here, and launches do."""


def unchanged(value: Any, _hint: Any) -> Any:
    """A hint to the compiler."""
    return value
