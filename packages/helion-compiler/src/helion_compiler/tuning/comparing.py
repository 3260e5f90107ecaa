"""How far a result may be from what is expected, and how far it is. Imports neither compiler nor language."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Relative tolerance by dtype: inputs and intermediate results are rounded to these types.
_RELATIVE = {
    torch.float64: 1e-9,
    torch.float32: 2e-4,
    torch.float16: 4e-3,
    torch.bfloat16: 2e-2,
    torch.float8_e4m3fn: 1.5e-1,
    torch.float8_e5m2: 3e-1,
}
# Where float32 operands of a product are cut to tf32: ten bits of mantissa are left, and Hopper does not round.
_TF32_RELATIVE = 1e-2


@attrs.frozen
class Mismatch:
    """How far a result is from the oracle's."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@attrs.frozen
class Tolerance:
    """What counts as equal. ``relative`` and ``absolute`` as the settings say; None takes the dtype's.

    With ``tf32``, float32 results may be as inexact as products in tf32 are.

    ``rounded`` says which coarser dtype results of a dtype are made of values of. Each may then be as inexact as one of
    that dtype; all together, in the mean square, only as much as its roundoff. Rounding to the nearest errs by 0.4
    roundoffs in the mean square, whether one value is rounded or all terms of a sum: that leaves room for six.
    """

    relative: float | None = None
    absolute: float | None = None
    tf32: bool = False
    rounded: Mapping[torch.dtype, torch.dtype] = attrs.field(factory=dict)

    def difference(self, where: str, actual: Any, expected: Any) -> Mismatch | None:
        """How ``actual``, a tensor or a number, differs from ``expected``; None where it does not."""
        if isinstance(expected, torch.Tensor):
            return self._of_tensors(where, actual, expected)
        if isinstance(expected, float) and isinstance(actual, float):
            return self._of_floats(
                where, torch.tensor(actual, dtype=torch.float32), torch.tensor(expected)
            )
        if not isinstance(actual, torch.Tensor) and actual == expected:
            return None
        return Mismatch(where, f"expected {expected!r}, got {actual!r:.80}")

    def _of_tensors(self, where: str, actual: Any, expected: torch.Tensor) -> Mismatch | None:
        if not isinstance(actual, torch.Tensor):
            return Mismatch(where, f"expected a tensor, got {actual!r:.80}")
        if actual.shape != expected.shape:
            return Mismatch(
                where, f"expected shape {tuple(expected.shape)}, got {tuple(actual.shape)}"
            )
        if actual.numel() == 0:
            return None
        if actual.dtype.is_floating_point:
            return self._of_floats(where, actual, expected)
        wrong = int((actual.to(expected.dtype) != expected).sum())
        return Mismatch(where, f"{wrong} of {actual.numel()} elements differ") if wrong else None

    def _of_floats(
        self, where: str, actual: torch.Tensor, expected: torch.Tensor
    ) -> Mismatch | None:
        dtype = actual.dtype
        relative = self._relative_of(dtype)
        expected = expected.to(torch.float64)
        floor = relative * _typical_size(expected) if self.absolute is None else self.absolute
        actual = actual.to(torch.float64)
        close = (actual - expected).abs() <= floor + relative * expected.abs()
        close &= torch.isfinite(expected)  # nothing is near what is infinite
        close |= (actual == expected) | (actual.isnan() & expected.isnan())
        if bool(close.all()):
            return self._of_spreads(where, actual, expected, dtype)
        wrong = int((~close).sum())
        error = (actual - expected).abs().nan_to_num(nan=float("inf")).max()
        return Mismatch(
            where, f"{wrong} of {actual.numel()} elements differ, the worst by {float(error):.3g}"
        )

    def _of_spreads(
        self, where: str, actual: torch.Tensor, expected: torch.Tensor, dtype: torch.dtype
    ) -> Mismatch | None:
        """Whether elements that are close enough one by one differ too much all together."""
        rounded = self.rounded.get(dtype)
        if rounded is None or self.relative is not None or self.absolute is not None:
            return None
        allowed = torch.finfo(rounded).eps / 2
        if self.tf32 and dtype == torch.float32:
            allowed = max(allowed, _TF32_RELATIVE)
        finite = torch.isfinite(actual) & torch.isfinite(expected)
        error = torch.where(finite, actual - expected, 0).square().mean().sqrt()
        size = torch.where(finite, expected, 0).square().mean().sqrt()
        if float(error) <= allowed * float(size):
            return None
        return Mismatch(
            where,
            f"elements differ by {float(error):.3g} in the mean square, of {float(size):.3g}: more than values "
            f"rounded to {rounded} would",
        )

    def _relative_of(self, dtype: torch.dtype) -> float:
        if self.relative is not None:
            return self.relative
        found = _TF32_RELATIVE if self.tf32 and dtype == torch.float32 else _RELATIVE[dtype]
        return max(found, _RELATIVE[self.rounded.get(dtype, dtype)])


def _typical_size(expected: torch.Tensor) -> torch.Tensor:
    """The root mean square of a tensor, or of each of its rows where that is more.

    Cancellation leaves small results with the error of large terms. Rows may differ in size: the first queries of
    causal attention average few values, the last ones many.
    """
    finite = torch.where(torch.isfinite(expected), expected, 0).square()
    whole = finite.mean().sqrt()
    return torch.maximum(whole, finite.mean(-1, keepdim=True).sqrt()) if finite.ndim else whole


@contextmanager
def own_random_numbers() -> Iterator[None]:
    """Within, random numbers are drawn from a state of its own, on the current GPU and the host."""
    # Left out, every GPU of the host would get a context.
    in_use: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
    devices = [torch.cuda.current_device()] if in_use else []
    with torch.random.fork_rng(devices=devices):
        yield


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Within, host code draws the numbers that it drew for the oracle; nobody else's are touched."""
    with own_random_numbers():
        torch.manual_seed(0)
        yield


@attrs.frozen(eq=False)
class Expectation:
    """What a call gives, in terms of leaves: each with its name, and the value that is expected of it.

    ``outputs``: the parts of what is returned, in order. ``mutated``: by the number of an argument's leaf.
    """

    outputs: tuple[tuple[str, Any], ...]
    mutated: Mapping[int, tuple[str, Any]]
    tolerance: Tolerance

    def mismatch(self, outputs: tuple[Any, ...], leaves: tuple[Any, ...]) -> Mismatch | None:
        """The first difference between what a config gave and what is expected; None if there is none."""
        if len(outputs) != len(self.outputs):
            return Mismatch("the result", f"expected {len(self.outputs)} parts, got {len(outputs)}")
        for (where, expected), actual in zip(self.outputs, outputs, strict=True):
            found = self.tolerance.difference(where, actual, expected)
            if found is not None:
                return found
        for number, (where, expected) in self.mutated.items():
            found = self.tolerance.difference(where, leaves[number], expected)
            if found is not None:
                return found
        return None

    @property
    def values(self) -> tuple[Any, ...]:
        """Every expected value, outputs first."""
        return (*(value for _, value in self.outputs), *(v for _, v in self.mutated.values()))

    def with_values(self, values: tuple[Any, ...]) -> Expectation:
        """The same with other values: those of :attr:`values`, in another process."""
        outputs = tuple((where, v) for (where, _), v in zip(self.outputs, values, strict=False))
        rest = values[len(outputs) :]
        mutated = {
            number: (where, value)
            for (number, (where, _)), value in zip(self.mutated.items(), rest, strict=True)
        }
        return Expectation(outputs, mutated, self.tolerance)
