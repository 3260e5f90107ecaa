"""What a pointwise operator is called with, and what becomes of the call.

In: the operands of one ATen call on tiles. Out: the data types of `pointwise.lower_pointwise`, and
the error for operators that are not pointwise. This module does not load TorchInductor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    import torch

__all__ = ["NotPointwise", "Operand", "PointwiseTemplate", "ScalarOperand", "TensorOperand"]


@attrs.frozen
class TensorOperand:
    """A tile. Its shape does not matter: the text is the same for every rank.

    Attributes:
        dtype: The element type, which is also the type of the value in Triton (bool: `tl.int1`).
    """

    dtype: torch.dtype


@attrs.frozen
class ScalarOperand:
    """A Python number that is known only when the kernel runs.

    It promotes as a Python number does in torch: `bfloat16 tile * float scalar` is bfloat16.

    Attributes:
        kind: The Python type of the number.
    """

    kind: Literal["int", "float", "bool"]


Operand = TensorOperand | ScalarOperand


@attrs.frozen
class PointwiseTemplate:
    """A pointwise operator as Triton text.

    Every text is a format string for `str.format`: `{0}`, `{1}`, ... stand for the operands in
    order of appearance in the call, `{t0}`, `{t1}`, ... for the temporaries, which the caller may
    rename. Operands must be substituted by names, or by expressions in parentheses. Where no tile
    enters the result (`full_like`), it is a scalar in Triton, and the caller broadcasts it.

    Attributes:
        lines: Temporaries in order: (name without braces, expression).
        result: The expression of the result, whose Triton type is that of `result_dtype`.
        result_dtype: The element type of the result.
        uses: Which names the text needs besides `tl`: of `IMPORTS`, and of the functions in `elementary`.
    """

    lines: tuple[tuple[str, str], ...]
    result: str
    result_dtype: torch.dtype
    uses: frozenset[str]


class NotPointwise(Exception):  # noqa: N818 - the answer to a question, not a failure
    """The call is no pointwise operator that can become Triton text.

    Attributes:
        operator: The name of the ATen operator, with its overload.
        reason: Why, as a clause.
    """

    def __init__(self, operator: torch._ops.OpOverload, reason: str) -> None:
        super().__init__(f"{operator} cannot be lowered element by element: {reason}")
        self.operator = str(operator)
        self.reason = reason
