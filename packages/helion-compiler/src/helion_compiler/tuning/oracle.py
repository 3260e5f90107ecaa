"""The oracle: what a kernel's result should be, from its own Python in reference mode and higher precision."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import reference
from helion.containers import parts_of
from helion_compiler.program.ops import Dot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helion import Settings
    from helion.containers import Parts
    from helion_compiler.program.program import Program

# Relative tolerance by dtype: inputs and intermediate results are rounded to these types.
_TOLERANCE = {
    torch.float64: 1e-9,
    torch.float32: 2e-4,
    torch.float16: 4e-3,
    torch.bfloat16: 2e-2,
    torch.float8_e4m3fn: 1.5e-1,
    torch.float8_e5m2: 3e-1,
}


@attrs.frozen
class Mismatch:
    """How far a result is from the oracle's."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


_TF32_TOLERANCE = 1e-2
"""Where float32 operands of a product are cut to tf32: ten bits of mantissa are left, and Hopper does not round."""


def multiplies_in_tf32(program: Program, settings: Settings) -> bool:
    """Whether some product of a Program rounds its operands to tf32."""
    return settings.dot_precision == "tf32" and any(
        isinstance(op, Dot) and torch.float32 in (op.lhs.type.dtype, op.rhs.type.dtype)
        for op in program.walk()
    )


class Oracle:
    """The expected outputs and mutated arguments of one call, computed once.

    With ``tf32``, float32 results may be as inexact as products in tf32 are. With ``draws``, host code draws
    random numbers, which higher precision would change: it runs in its own, on copies.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        settings: Settings,
        *,
        tf32: bool = False,
        draws: bool = False,
    ) -> None:
        with self.random_numbers():
            self._expected = (
                reference.run(function, copy.deepcopy(args))
                if draws
                else reference.run(function, args, precision="high")
            )
        self._settings = settings
        self._tolerance = {**_TOLERANCE, torch.float32: _TF32_TOLERANCE} if tf32 else _TOLERANCE

    @staticmethod
    @contextmanager
    def random_numbers() -> Iterator[None]:
        """Within, host code draws the numbers that it drew for the oracle; nobody else's are touched."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            yield

    def check(self, outputs: Any, args: tuple[Any, ...]) -> Mismatch | None:
        """The first difference between what a config gave and what the oracle expects; None if there is none."""
        found = self._compare("the result", outputs, self._expected.outputs)
        for position, expected in self._expected.mutated.items():
            found = found or self._compare(f"argument {position}", args[position], expected)
        return found

    def _compare(self, where: str, actual: Any, expected: Any) -> Mismatch | None:
        if isinstance(expected, torch.Tensor):
            return self._compare_tensors(where, actual, expected)
        parts = parts_of(expected)
        if parts is not None:
            return self._compare_parts(where, actual, parts)
        if isinstance(expected, float) and isinstance(actual, float):
            return self._compare_floats(
                where, torch.tensor(actual, dtype=torch.float32), torch.tensor(expected)
            )
        return (
            None
            if actual == expected
            else Mismatch(where, f"expected {expected!r}, got {actual!r}")
        )

    def _compare_parts(self, where: str, actual: Any, expected: Parts) -> Mismatch | None:
        found = parts_of(actual)
        if found is None or (found.type, found.labels) != (expected.type, expected.labels):
            return Mismatch(where, f"expected a {expected.type.__name__}, got {actual!r:.80}")
        items = zip(expected.names(where), found.items, expected.items, strict=True)
        differences = (self._compare(*item) for item in items)
        return next((one for one in differences if one is not None), None)

    def _compare_tensors(
        self, where: str, actual: torch.Tensor, expected: torch.Tensor
    ) -> Mismatch | None:
        if actual.shape != expected.shape:
            return Mismatch(
                where, f"expected shape {tuple(expected.shape)}, got {tuple(actual.shape)}"
            )
        if actual.numel() == 0:
            return None
        if not actual.dtype.is_floating_point:
            wrong = int((actual.to(expected.dtype) != expected).sum())
            return (
                None
                if not wrong
                else Mismatch(where, f"{wrong} of {actual.numel()} elements differ")
            )
        return self._compare_floats(where, actual, expected)

    def _compare_floats(
        self, where: str, actual: torch.Tensor, expected: torch.Tensor
    ) -> Mismatch | None:
        relative = self._settings.autotune_baseline_rtol
        relative = self._tolerance[actual.dtype] if relative is None else relative
        absolute = self._settings.autotune_baseline_atol
        expected = expected.to(torch.float64)
        floor = relative * _typical_size(expected) if absolute is None else absolute
        actual = actual.to(torch.float64)
        close = (actual - expected).abs() <= floor + relative * expected.abs()
        close |= (actual == expected) | (actual.isnan() & expected.isnan())
        if bool(close.all()):
            return None
        wrong = int((~close).sum())
        error = (actual - expected).abs().nan_to_num(nan=float("inf")).max()
        return Mismatch(
            where, f"{wrong} of {actual.numel()} elements differ, the worst by {float(error):.3g}"
        )


def _typical_size(expected: torch.Tensor) -> torch.Tensor:
    """The root mean square of a tensor, or of each of its rows where that is more.

    Cancellation leaves small results with the error of large terms. Rows may differ in size: the first queries of
    causal attention average few values, the last ones many.
    """
    finite = torch.where(torch.isfinite(expected), expected, 0).square()
    whole = finite.mean().sqrt()
    return torch.maximum(whole, finite.mean(-1, keepdim=True).sqrt()) if finite.ndim else whole
