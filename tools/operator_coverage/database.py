"""PyTorch's own database of operators: what there is, and calls of it.

Out: :class:`Operator` for each entry of `torch.testing`'s ``op_db``, and a few calls per element type, always the same
ones. Assumed: NumPy and SciPy are installed, which the database imports.
"""

from __future__ import annotations

import random
import sys
import types
import unittest
from typing import TYPE_CHECKING, Any

import attrs
import torch

from operator_coverage.calls import OperatorCall

if TYPE_CHECKING:
    from collections.abc import Iterator

DTYPES = (
    torch.float32, torch.bfloat16, torch.float16, torch.float64,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
)  # fmt: skip
"""The element types that Triton computes in, the most used first; it has no complex numbers."""

LARGEST = 4096
"""Elements of the largest tensor of a call: the interpreter holds whole dimensions at once."""

_POINTWISE = ("UnaryUfuncInfo", "BinaryUfuncInfo")
_SPECIAL = (float("nan"), float("inf"), -float("inf"), 0.0, -0.0)


@attrs.frozen
class Operator:
    """One entry of the database."""

    name: str
    info: Any = attrs.field(repr=False)

    @property
    def elementwise(self) -> bool:
        """Whether the database itself calls it a pointwise function."""
        return type(self.info).__name__ in _POINTWISE

    def dtypes(self) -> tuple[torch.dtype, ...]:
        """The element types that torch has it for on the CPU."""
        return tuple(dtype for dtype in DTYPES if dtype in self.info.dtypes)

    def calls(self, dtype: torch.dtype, limit: int) -> list[OperatorCall]:
        """At most ``limit`` calls that differ in their keywords, then a strided one, then one with NaN and infinity."""
        random.seed(7)
        torch.manual_seed(7)
        found: dict[str, Any] = {}
        rest: list[Any] = []
        for sample in self.info.sample_inputs("cpu", dtype):
            if not _fits((sample.input, sample.args, sample.kwargs)):
                continue
            key = _shape_of_call(sample)
            if key in found:
                rest.append(sample)
            else:
                found[key] = sample
        in_order = [*found.values(), *rest]
        in_order.sort(key=lambda sample: _rank(sample.input) == 0)  # numbers last: they show least
        samples = in_order[:limit]
        calls = [self._call(sample) for sample in samples]
        if samples and dtype is torch.float32:
            strided = next((s for s in samples if _rank(s.input) > 1), None)
            calls += [] if strided is None else [self._call(strided.noncontiguous())]
        if self.elementwise and dtype.is_floating_point and calls:
            calls += [call for call in _with_special_values(calls) if not _rounds_to_integers(call)]
        return calls

    def _call(self, sample: Any) -> OperatorCall:
        return OperatorCall.of(self.info.op, sample.input, sample.args, sample.kwargs)


def operators() -> Iterator[Operator]:
    """Every entry, in the database's order; variants of one operator are entries of their own."""
    # The database shares a module with torch's own unit tests, whose base class is in another
    # distribution. Nothing here runs them.
    stand_in: Any = types.ModuleType("expecttest")
    stand_in.TestCase = unittest.TestCase
    sys.modules.setdefault("expecttest", stand_in)
    from torch.testing._internal.common_methods_invocations import op_db

    for info in op_db:
        variant = f".{info.variant_test_name}" if info.variant_test_name else ""
        yield Operator(f"{info.name}{variant}", info)


def _fits(arguments: Any) -> bool:
    leaves = torch.utils._pytree.tree_leaves(arguments)
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    return all(t.layout is torch.strided and t.numel() <= LARGEST for t in tensors)


def _rank(value: Any) -> int:
    return value.ndim if isinstance(value, torch.Tensor) else 0


def _shape_of_call(sample: Any) -> str:
    """What makes a call different from another: types of arguments, keywords with values, ranks."""
    args = [f"{type(a).__name__}{_rank(a)}" for a in sample.args]
    kwargs = sorted(
        (k, "tensor" if isinstance(v, torch.Tensor) else repr(v)) for k, v in sample.kwargs.items()
    )
    empty = isinstance(sample.input, torch.Tensor) and sample.input.numel() == 0
    return f"{_rank(sample.input)} {empty} {args} {kwargs}"


def _rounds_to_integers(call: OperatorCall) -> bool:
    """Whether floats become integers: what NaN and infinity become is for each processor to say, as C has it."""
    return any(not t.is_floating_point() and t.dtype is not torch.bool for t in call.expected())


def _with_special_values(calls: list[OperatorCall]) -> list[OperatorCall]:
    """The first call of more than a few elements again, with NaN, infinities and zeros among them."""
    for call in calls:
        tensors = [t.clone() for t in call.tensors]
        floats = [t for t in tensors if t.is_floating_point() and t.is_contiguous()]
        if floats and all(t.numel() > 25 for t in floats):
            for number, tensor in enumerate(floats):
                flat = tensor.view(-1)
                for place in range(25):
                    pair = (place % 5, place // 5)
                    flat[place] = _SPECIAL[pair[number % 2]]
            return [attrs.evolve(call, tensors=tuple(tensors))]
    return []
