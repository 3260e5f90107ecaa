"""The ops of a Program.

    program ::= buffer* step* grid
    grid    ::= axis+ block
    block   ::= op* yield(value*)
    loop    ::= axis+ (initial value)* (parameter)* block -> result*
    op      ::= load | store | full | range | pointwise | reduce | dot
              | permute | unsqueeze | squeeze | broadcast | mask | loop

Frozen; a pass builds new ones. Values are compared by identity and defined exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from helion_compiler.program.types import Axis, Buffer, Location, Size, Subscript, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

ReduceKind: TypeAlias = Literal["sum", "prod", "amax", "amin", "any", "all", "argmax", "argmin"]


@attrs.frozen(eq=False, kw_only=True)
class Load:
    """Read ``buffer[subscripts]``; lanes outside the buffer or the tile hold zero."""

    result: Value
    buffer: Buffer
    subscripts: tuple[Subscript, ...]
    name: str
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Store:
    """Write ``buffer[subscripts] = value``; the value has the rank of the subscript and the buffer's dtype."""

    buffer: Buffer
    subscripts: tuple[Subscript, ...]
    value: Value
    name: str
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Full:
    """A tile of one number."""

    result: Value
    fill: float | bool | Size
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Range:
    """The indices of a tile, ``begin + [0, 1, …]``: int32 or int64, one dimension."""

    result: Value
    axis: Axis
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Pointwise:
    """An ATen operator applied lane by lane. Tensors of ``args`` are Values that broadcast as in torch."""

    result: Value
    operator: torch._ops.OpOverload
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Reduce:
    """Reduce ``operand`` along ``dim`` (never negative)."""

    result: Value
    kind: ReduceKind
    operand: Value
    dim: int
    keepdim: bool
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Dot:
    """``accumulator + lhs @ rhs``: ``[m, k] @ [k, n]``, or with a leading batch dimension on each.

    Products are summed in ``accumulate`` (float32, float64 or int32) and the sum is rounded to the
    result's dtype.
    """

    result: Value
    lhs: Value
    rhs: Value
    accumulator: Value | None
    accumulate: torch.dtype
    location: Location | None = None

    @property
    def sizes(self) -> tuple[Size, Size, Size]:
        """``m``, ``k`` and ``n``."""
        rows, depth = self.lhs.type.shape[-2:]
        return rows, depth, self.rhs.type.shape[-1]


@attrs.frozen(eq=False, kw_only=True)
class Permute:
    """Reorder dimensions."""

    result: Value
    operand: Value
    order: tuple[int, ...]
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Unsqueeze:
    """Insert a dimension of size 1 at ``dim``."""

    result: Value
    operand: Value
    dim: int
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Squeeze:
    """Remove dimension ``dim``, which has size 1."""

    result: Value
    operand: Value
    dim: int
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Broadcast:
    """Expand dimensions of size 1 to the result's shape; ranks are equal."""

    result: Value
    operand: Value
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Mask:
    """Set the padding lanes of ``operand`` along ``dim``, which runs along ``axis``, to ``fill``."""

    result: Value
    operand: Value
    dim: int
    axis: Axis
    fill: float | bool
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Block:
    """Ops in order, and the values the block hands on."""

    ops: tuple[Op, ...]
    yields: tuple[Value, ...] = ()


@attrs.frozen(eq=False, kw_only=True)
class Loop:
    """A tile loop on the device. ``parameters`` start as ``initial`` and continue as the body's yields."""

    axes: tuple[Axis, ...]
    initial: tuple[Value, ...]
    parameters: tuple[Value, ...]
    results: tuple[Value, ...]
    body: Block
    location: Location | None = None


Op: TypeAlias = (
    Load
    | Store
    | Full
    | Range
    | Pointwise
    | Reduce
    | Dot
    | Permute
    | Unsqueeze
    | Squeeze
    | Broadcast
    | Mask
    | Loop
)


@attrs.frozen(eq=False, kw_only=True)
class Grid:
    """An outermost tile loop: its tiles run in parallel, one program each."""

    axes: tuple[Axis, ...]
    body: Block
    location: Location | None = None


def results(op: Op) -> tuple[Value, ...]:
    """The values that an op defines."""
    match op:
        case Store():
            return ()
        case Loop():
            return op.results
        case _:
            return (op.result,)


def operands(op: Op) -> tuple[Value, ...]:
    """The values that an op reads, a loop's body aside."""
    match op:
        case Load() | Full() | Range():
            return ()
        case Store():
            return (op.value,)
        case Pointwise():
            found = [value for value in (*op.args, *op.kwargs.values()) if isinstance(value, Value)]
            return tuple(found)
        case Dot():
            return (op.lhs, op.rhs) if op.accumulator is None else (op.lhs, op.rhs, op.accumulator)
        case Loop():
            return op.initial
        case _:
            return (op.operand,)
