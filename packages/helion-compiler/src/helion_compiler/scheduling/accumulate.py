"""A reduction as a carried value of a loop: filled before it, combined lane by lane in it, reduced after it."""

from __future__ import annotations

from typing import Any

import attrs
import torch

from helion_compiler.passes.insert_masks import neutral
from helion_compiler.program.ops import Full, Op, Pointwise, Reduce
from helion_compiler.program.types import TileType, Value

COMBINE: dict[str, Any] = {
    "sum": torch.ops.aten.add.Tensor,
    "prod": torch.ops.aten.mul.Tensor,
    "amax": torch.ops.aten.maximum.default,
    "amin": torch.ops.aten.minimum.default,
    "any": torch.ops.aten.logical_or.default,
    "all": torch.ops.aten.logical_and.default,
}
"""What combines two lanes, by the kind of the reduction; others need all lanes at once."""


class Accumulator:
    """One reduction as a carried value of a loop, in which ``operand`` is what it reduces."""

    def __init__(self, op: Reduce, operand: Value) -> None:
        combine = COMBINE[op.kind]
        wide = _wide(op)
        type_ = TileType(wide, operand.type.shape)
        name = f"{op.result.name}_lanes"
        initial, parameter, following, result = (Value(name, type_) for _ in range(4))
        self.initial, self.parameters = (initial,), (parameter,)
        self.following, self.results = (following,), (result,)
        self.fill: list[Op] = [Full(result=initial, fill=neutral(op), location=op.location)]
        cast, operand = _cast(operand, wide, op)
        add = Pointwise(
            result=following,
            operator=combine,
            args=(parameter, operand),
            kwargs={},
            location=op.location,
        )
        self.body: list[Op] = [*cast, add]
        reduced = Value(op.result.name, TileType(wide, op.result.type.shape))
        narrow = op.result.type.dtype != wide
        self.after: list[Op] = [
            attrs.evolve(op, operand=result, result=reduced if narrow else op.result)
        ]
        if narrow:
            self.after.append(_to(op.result, reduced, op))


def _wide(op: Reduce) -> torch.dtype:
    """The dtype that lanes accumulate in: torch sums half precision in float32."""
    dtype = op.operand.type.dtype
    low = dtype.is_floating_point and dtype.itemsize < 4
    return torch.float32 if low and op.kind in ("sum", "prod") else dtype


def _cast(value: Value, dtype: torch.dtype, op: Reduce) -> tuple[list[Op], Value]:
    if value.type.dtype == dtype:
        return [], value
    wide = Value(value.name, TileType(dtype, value.type.shape))
    return [_to(wide, value, op)], wide


def _to(result: Value, operand: Value, op: Reduce) -> Op:
    return Pointwise(
        result=result,
        operator=torch.ops.prims.convert_element_type.default,
        args=(operand, result.type.dtype),
        kwargs={},
        location=op.location,
    )
