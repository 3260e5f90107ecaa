"""Choices of lanes, ``where(condition, x, constant)``, and what is made of them.

A choice that is only rounded to narrower floats can be made before it is rounded or behind it. Here is who asks for
which: a mask of the rounded value is one of its condition as well (:mod:`helion_compiler.passes.insert_masks`), and a
condition that compares indices decides by its type where LLVM makes the choice (:mod:`helion_compiler.emission`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.program.fields import made_by
from helion_compiler.program.ops import Full, Mask, Pointwise
from helion_compiler.program.program import count_uses, walk
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from helion_compiler.program.ops import Op
    from helion_compiler.program.program import Program

_CHOICES: frozenset[Any] = frozenset({torch.ops.aten.where.self})
_CAST = torch.ops.prims.convert_element_type.default


def is_choice(op: Op | None) -> bool:
    """Whether an op takes lanes of one value or of another."""
    return isinstance(op, Pointwise) and op.operator in _CHOICES


def narrows(op: Op | None) -> bool:
    """Whether an op rounds floats to narrower ones."""
    if not isinstance(op, Pointwise) or op.operator is not _CAST:
        return False
    before, after = op.args[0].type.dtype, op.result.type.dtype
    floats = before.is_floating_point and after.is_floating_point
    return bool(floats and before.itemsize > after.itemsize)


def choice_behind(
    value: Value, fill: float | bool, maker: Callable[[Value], Op | None], uses: Counter[Value]
) -> tuple[Pointwise, ...]:
    """The ops that lead to ``value`` from a choice between something and ``fill``, the choice first; none where it is
    another one, or where somebody else reads what is between.
    """
    found: list[Pointwise] = []
    op = maker(value)
    while narrows(op) and uses[op.result] == 1:  # type: ignore[union-attr]  # no cast is None
        assert isinstance(op, Pointwise)
        found.append(op)
        op = maker(op.args[0])
    if not is_choice(op):
        return ()
    assert isinstance(op, Pointwise)
    condition, _, other = op.args
    alone = uses[op.result] == 1 and isinstance(condition, Value) and uses[condition] == 1
    return (op, *reversed(found)) if alone and _is_constant(other, fill, maker) else ()


def _is_constant(other: Any, fill: float | bool, maker: Callable[[Value], Op | None]) -> bool:
    if isinstance(other, Value):
        made = maker(other)
        return isinstance(made, Full) and made.fill == fill
    return bool(other == fill)


def choosing_narrowed(program: Program) -> frozenset[Value]:
    """The conditions that choose floats of 32 bits which are then rounded to narrower ones."""
    makers = made_by(program.walk())
    found = set()
    for op in program.walk():
        if not narrows(op):
            continue
        assert isinstance(op, Pointwise)
        choice = makers.get(op.args[0])
        if not is_choice(choice):
            continue
        assert isinstance(choice, Pointwise)
        if choice.result.type.dtype is torch.float32:
            condition = makers.get(choice.args[0])
            found.add(condition.operand if isinstance(condition, Mask) else choice.args[0])
    return frozenset(found)


def masks_of_conditions(program: Program) -> dict[Value, Mask]:
    """The masks that alone read a condition, by the condition."""
    found = {}
    for grid in program.grids:
        uses = count_uses(grid.body)
        for op in walk(grid.body):
            if (
                isinstance(op, Mask)
                and op.operand.type.dtype is torch.bool
                and uses[op.operand] == 1
            ):
                found[op.operand] = op
    return found
