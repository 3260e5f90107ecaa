"""Keep padding out of results: mask an operand wherever its padding could reach a sum, a maximum or
a product.

A tile's block is a power of two, so its last lanes may lie beyond the range they stand for. This
pass follows, for every value and dimension, what those lanes hold (a constant, or anything), and
inserts a :class:`Mask` where a reduction or dot needs something else. Nothing here depends on block
sizes; a Schedule drops the masks of axes whose blocks divide their extent.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.passes.dim_axes import DimAxes, dim_axes
from helion_compiler.program.choices import choice_behind
from helion_compiler.program.fields import results, with_blocks, with_fields
from helion_compiler.program.lane_ops import Join, Split
from helion_compiler.program.ops import (
    Block,
    Broadcast,
    Dot,
    Fold,
    Full,
    If,
    Load,
    Loop,
    Mask,
    Op,
    Permute,
    Pick,
    Pointwise,
    Reduce,
    Reshape,
    Sort,
    Squeeze,
    Unsqueeze,
    While,
)
from helion_compiler.program.program import count_uses
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

    from helion_compiler.program.program import Program


class _Anything:
    def __repr__(self) -> str:
        return "anything"


ANYTHING = _Anything()
Padding = tuple[Any, ...]
"""One entry per dimension: the constant that the padding lanes hold, or ANYTHING."""


def insert_masks(program: Program) -> Program:
    """The same Program with a Mask wherever padding would otherwise reach a result."""
    return program.with_bodies(lambda body: _Inserter(count_uses(body)).block(body))


class _Inserter:
    def __init__(self, uses: Counter[Value]) -> None:
        self._uses = uses
        self._padding = _Paddings(self._held)
        self._axes: dict[Value, DimAxes] = {}
        self._ops: list[Op] = []

    def block(self, block: Block) -> Block:
        outer, self._ops = self._ops, []
        for op in block.ops:
            self._visit(op)
        ops, self._ops = tuple(self._ops), outer
        return with_fields(block, ops=ops)

    def _visit(self, op: Op) -> None:
        match op:
            case Reduce():
                op = with_fields(op, operand=self._masked(op.operand, op.dim, neutral(op), op))
            case Dot():
                rank = len(op.lhs.type.shape)
                op = with_fields(
                    op,
                    lhs=self._masked(op.lhs, rank - 1, 0, op),
                    rhs=self._masked(op.rhs, rank - 2, 0, op),
                )
            case Loop() | While():
                self._ops.append(self._loop(op))
                return
            case If():
                self._ops.append(self._if(op))
                return
            case Fold():
                op = self._fold(op)
            case Sort():
                last = len(op.operand.type.shape) - 1
                greatest = torch.iinfo(torch.int64).max
                op = with_fields(op, operand=self._masked(op.operand, last, greatest, op))
            case _:
                pass
        self._ops.append(op)
        for value in results(op):
            self._padding.define(value, op)
            self._axes[value] = dim_axes(op, value, self._axes)

    def _fold(self, op: Fold) -> Fold:
        """A fold that nothing guards finds what is neutral in padding; prefixes never come to padding."""
        self._padding |= dict.fromkeys(op.parameters, ())
        folded = with_blocks(op, self.block)
        assert isinstance(folded, Fold)
        if op.guarded or not op.empty:
            return folded
        pairs = zip(op.operands, op.empty, strict=True)
        masked = tuple(self._masked(value, op.dim, fill, op) for value, fill in pairs)
        return with_fields(folded, operands=masked)

    def _masked(
        self,
        value: Value,
        dim: int,
        fill: float | bool,
        op: Reduce | Dot | Fold | Sort | Pointwise,
    ) -> Value:
        """``value``, or a masked copy of it whose padding along ``dim`` is ``fill``."""
        if value.type.shape[dim] == 1 or _equal(self._padding[value][dim], fill):
            return value
        if self._chosen(value, dim, fill):
            return value
        masked = Value("masked", value.type)
        axes = self._axes.get(value, (None,) * len(value.type.shape))
        self._ops.append(
            Mask(
                result=masked,
                operand=value,
                dim=dim,
                fill=fill,
                axis=axes[dim],
                location=op.location,
            )
        )
        self._axes[masked] = axes
        self._padding[masked] = _replace(self._padding[value], dim, fill)
        return masked

    def _chosen(self, value: Value, dim: int, fill: float | bool) -> bool:
        """Whether ``value`` was a choice between something and ``fill``, which is now made for padding, too."""
        made = choice_behind(value, fill, self._padding.maker, self._uses)
        places = [place for place, one in enumerate(self._ops) if made and one is made[0]]
        if not places or made[0].args[0].type.shape != value.type.shape:
            return False
        (place,), (choice, *rest) = places, made
        behind = self._ops[place:]
        del self._ops[place:]
        condition = self._masked(choice.args[0], dim, fill=False, op=choice)
        changed = with_fields(choice, args=(condition, *choice.args[1:]))
        self._ops += [changed, *behind[1:]]
        for one in (changed, *rest):
            padding = self._padding[one.result]
            self._padding.define(one.result, one)
            self._padding[one.result] = _replace(padding, dim, fill)
        return True

    def _loop(self, loop: Loop | While) -> Op:
        """Carried padding is what it is before the loop and after every iteration: the greatest fixed point."""
        carried = [self._padding[value] for value in loop.initial]
        while True:
            for value, padding in zip(loop.parameters, carried, strict=True):
                self._padding[value] = padding
            for value, initial in zip(loop.parameters, loop.initial, strict=True):
                self._axes[value] = self._axes.get(initial, (None,) * len(value.type.shape))
            changed = with_blocks(loop, self.block)
            assert isinstance(changed, Loop | While)
            yields = changed.body.yields
            after = [_meet(a, self._padding[v]) for a, v in zip(carried, yields, strict=True)]
            if all(map(_same, after, carried)):
                break
            carried = after
        for value, parameter, padding in zip(loop.results, loop.parameters, carried, strict=True):
            self._padding[value] = padding
            self._axes[value] = self._axes[parameter]
        return changed

    def _if(self, op: If) -> Op:
        """Padding after a choice is what both ways agree on."""
        changed = with_blocks(op, self.block)
        assert isinstance(changed, If)
        pairs = zip(op.results, changed.then.yields, changed.otherwise.yields, strict=True)
        for result, first, second in pairs:
            self._padding[result] = _meet(self._padding[first], self._padding[second])
        return changed

    def _held(self, op: Op, result: Value) -> Padding:
        """What the padding of an op's result holds."""
        rank = len(result.type.shape)
        match op:
            case Load():
                return (0,) * rank
            case Reshape():
                return _merged(self._padding[op.operand], rank)
            case Pick() | Join():
                return self._gathered(op)
            case Full():
                return (op.fill if isinstance(op.fill, int | float) else ANYTHING,) * rank
            case Pointwise():
                return tuple(self._pointwise(op, dim - rank) for dim in range(rank))
            case Permute() | Unsqueeze() | Squeeze() | Broadcast() | Split():
                return _reshaped(op, self._padding[op.operand])
            case Reduce() | Mask():
                return _replaced(op, self._padding[op.operand])
            case _:
                return (ANYTHING,) * rank

    def _gathered(self, op: Pick | Join) -> Padding:
        """Lanes picked along one dimension, or of two values side by side."""
        if isinstance(op, Join):
            return (*_meet(self._padding[op.first], self._padding[op.second]), ANYTHING)
        held = self._padding[op.operand]
        return _replace(held, op.dim, ANYTHING)

    def _pointwise(self, op: Pointwise, dim: int) -> Any:
        """The operator applied to what its operands' padding holds along ``dim``, counted from the end."""
        try:
            args = [self._constant(argument, dim) for argument in op.args]
            kwargs = {name: self._constant(argument, dim) for name, argument in op.kwargs.items()}
        except _NotConstantError:
            return ANYTHING
        kwargs.pop("device", None)
        try:
            result = _OF_NUMBERS.get(op.operator, op.operator)(*args, **kwargs)
        except RuntimeError:  # an integer divided by zero, which padding often is
            return ANYTHING
        return (
            result.item() if isinstance(result, torch.Tensor) and result.numel() == 1 else ANYTHING
        )

    def _constant(self, argument: Any, dim: int) -> Any:
        if isinstance(argument, Value):
            padding = self._padding[argument]
            lanes = len(padding) >= -dim and argument.type.shape[dim] != 1
            if not lanes or padding[dim] is ANYTHING:
                raise _NotConstantError
            return torch.tensor(padding[dim], dtype=argument.type.dtype)
        if isinstance(argument, tuple):
            return [self._constant(item, dim) for item in argument]
        if hasattr(argument, "free_symbols"):
            raise _NotConstantError
        return argument


def _converted(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return x.to(dtype)


_OF_NUMBERS: Mapping[torch._ops.OpOverload, Callable[..., Any]] = MappingProxyType(
    {torch.ops.prims.convert_element_type.default: _converted}
)
"""What is quicker to call than an operator; the first call of one that torch defines in Python imports Dynamo."""


class _Paddings(dict[Value, Padding]):
    """What the padding of each value holds; of what an op makes, it is computed when it is first asked for.

    Values that are neither reduced nor multiplied, nor lead to one that is, are not asked for.
    """

    def __init__(self, held: Callable[[Op, Value], Padding]) -> None:
        super().__init__()
        self._held = held
        self._makers: dict[Value, Op] = {}

    def define(self, value: Value, op: Op) -> None:
        """``value`` is what ``op`` makes; a body is walked again when what enters it has changed."""
        self.pop(value, None)
        self._makers[value] = op

    def maker(self, value: Value) -> Op | None:
        """The op that makes a value; None of one that enters a body."""
        return self._makers.get(value)

    def __missing__(self, value: Value) -> Padding:
        found = self[value] = self._held(self._makers[value], value)
        return found


class _NotConstantError(Exception):
    """An operand's padding is not a known constant."""


def _reshaped(op: Permute | Unsqueeze | Squeeze | Broadcast | Split, padding: Padding) -> Padding:
    """The padding of an operand after its dimensions are arranged anew."""
    match op:
        case Permute():
            return tuple(padding[dim] for dim in op.order)
        case Unsqueeze():
            return (*padding[: op.dim], ANYTHING, *padding[op.dim :])
        case Split():
            return padding[:-1]
        case Squeeze():
            return (*padding[: op.dim], *padding[op.dim + 1 :])
        case Broadcast():
            sizes = zip(op.operand.type.shape, op.result.type.shape, padding, strict=True)
            return tuple(held if before == after else ANYTHING for before, after, held in sizes)


def _replaced(op: Reduce | Mask, padding: Padding) -> Padding:
    """The padding that an op leaves where another was. Of a reduction it is that along the other dimensions: rows that
    hold one number throughout stay what they are, if the reduction makes that number of so many of them.
    """
    if isinstance(op, Mask):
        return _replace(padding, op.dim, op.fill)
    extreme = op.kind in ("amax", "amin")
    kept = [
        held if held is not ANYTHING and (extreme or held == _SAME.get(op.kind)) else ANYTHING
        for held in padding
    ]
    kept[op.dim : op.dim + 1] = [ANYTHING] if op.keepdim else []
    return tuple(kept)


_SAME = {"sum": 0, "prod": 1, "any": False, "all": True}


def _merged(padding: Padding, rank: int) -> Padding:
    """After a reshape, lanes of padding may be anywhere: known only where all of it is the same."""
    first = padding[0] if padding else ANYTHING
    return (first if all(_same_entry(first, held) for held in padding) else ANYTHING,) * rank


def neutral(op: Reduce) -> float | bool:
    """What leaves the result of a reduction as it is."""
    dtype = op.operand.type.dtype
    low: float = -float("inf") if dtype.is_floating_point else _least(dtype)
    high: float = float("inf") if dtype.is_floating_point else _greatest(dtype)
    return {
        "sum": 0,
        "prod": 1,
        "any": False,
        "all": True,
        "amax": low,
        "argmax": low,
        "amin": high,
        "argmin": high,
    }[op.kind]


def _least(dtype: torch.dtype) -> int:
    return 0 if dtype is torch.bool else torch.iinfo(dtype).min


def _greatest(dtype: torch.dtype) -> int:
    return 1 if dtype is torch.bool else torch.iinfo(dtype).max


def _equal(held: Any, wanted: float | bool) -> bool:
    return held is not ANYTHING and held == wanted


def _meet(first: Padding, second: Padding) -> Padding:
    return tuple(a if _same_entry(a, b) else ANYTHING for a, b in zip(first, second, strict=True))


def _same(first: Padding, second: Padding) -> bool:
    return all(map(_same_entry, first, second))


def _same_entry(first: Any, second: Any) -> bool:
    return first is second or (first is not ANYTHING and second is not ANYTHING and first == second)


def _replace(padding: Padding, dim: int, fill: Any) -> Padding:
    return (*padding[:dim], fill, *padding[dim + 1 :])
