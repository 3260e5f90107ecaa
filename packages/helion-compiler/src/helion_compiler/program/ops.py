"""The ops of a Program.

    program ::= buffer* step* grid+
    grid    ::= axis+ block
    block   ::= op* yield(value*)
    op      ::= load | store | atomic | fence
              | full | range | iota | number
              | pointwise | reduce | fold | dot
              | permute | unsqueeze | squeeze | broadcast | reshape | pick | sort | mask
              | loop | while | if | part
              | those of :mod:`.lane_ops` and :mod:`.foreign_ops`

Frozen; a pass builds new ones. Values are compared by identity and defined exactly once. Which fields
of an op define values, which hold blocks, and that all others read, is decided by name in
:mod:`helion_compiler.program.fields`, so that a new op needs no walker of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from helion_compiler.program.foreign_ops import (
    Breakpoint,
    CallTriton,
    InlineAssembly,
    InlineTriton,
    Print,
)
from helion_compiler.program.lane_ops import Cut, Join, Random, Renew, Split

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from helion_compiler.program.types import Axis, Buffer, Location, Size, Subscript, Value

ReduceKind: TypeAlias = Literal["sum", "prod", "amax", "amin", "any", "all", "argmax", "argmin"]
AtomicKind: TypeAlias = Literal["add", "and", "or", "xor", "min", "max", "xchg", "cas"]
MemoryOrder: TypeAlias = Literal["relaxed", "acquire", "release", "acq_rel"]


@attrs.frozen(eq=False, kw_only=True)
class Load:
    """Read ``buffer[subscripts]``; lanes outside the buffer or the tile, or not in ``extra_mask``, hold zero.

    ``extra_mask`` broadcasts to the result's shape. With ``addresses``, each access is one to several tensors that
    begin there and are laid out as ``buffer`` is: the dimensions of the int64 addresses come first.
    """

    result: Value
    buffer: Buffer
    subscripts: tuple[Subscript, ...]
    name: str
    extra_mask: Value | None = None
    eviction_policy: str = ""
    addresses: Value | None = None
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Store:
    """Write ``buffer[subscripts] = value``; the value has the rank of the subscript and the buffer's dtype."""

    buffer: Buffer
    subscripts: tuple[Subscript, ...]
    value: Value
    name: str
    extra_mask: Value | None = None
    addresses: Value | None = None
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Atomic:
    """Change ``buffer[subscripts]`` by ``value``, each lane atomically; the result is what was there before.

    ``expected`` is what ``cas`` compares with.
    """

    result: Value
    buffer: Buffer
    subscripts: tuple[Subscript, ...]
    kind: AtomicKind
    value: Value
    order: MemoryOrder
    name: str
    expected: Value | None = None
    addresses: Value | None = None
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Fence:
    """Every thread of the program sees what any of them wrote before."""

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
class Iota:
    """The lanes of a dimension, ``[0, 1, …]``: int32, one dimension."""

    result: Value
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Number:
    """Give the integer that a value of rank 0 holds a symbol, for sizes and positions to mention."""

    symbol: Size
    operand: Value
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Pointwise:
    """An ATen operator applied lane by lane. Tensors of ``args`` are Values that broadcast as in torch.

    ``rounded`` says that all that becomes of the result is rounded to 16 bits, with the relative error that it has.
    ``between``, of a conversion of integers to bfloat16 or float16, says that lanes hold no less than the first of two
    numbers and no more than the second, where these are so near that the floats are 16 bits of which one lies beside
    the other (:mod:`.mark_small_numbers`).
    """

    result: Value
    operator: torch._ops.OpOverload
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    rounded: bool = False
    between: tuple[int, int] | None = None
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
class Fold:
    """Combine the lanes of several operands along ``dim`` (never negative) by the author's own function.

    ``combine`` takes the ``parameters`` (scalars: the left of each operand, then the right of each) and
    yields one scalar for each operand; it may read scalars and numbers from outside. A ``scan`` keeps every
    prefix, or every suffix if ``reverse``; else the dimension goes away. The function is associative.

    ``empty`` is what no lanes at all give, one for each operand; none for most scans. A ``guarded`` fold
    leaves padding out lane by lane; otherwise ``empty``, where given, is neutral, and padding holds it.
    """

    results: tuple[Value, ...]
    operands: tuple[Value, ...]
    dim: int
    parameters: tuple[Value, ...]
    combine: Block
    scan: bool
    reverse: bool = False
    empty: tuple[float | bool, ...] = ()
    guarded: bool = False
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Dot:
    """``accumulator + lhs @ rhs``: ``[m, k] @ [k, n]``, or with a leading batch dimension on each.

    Products are summed in ``accumulate`` (float32, float64 or int32) and the sum is rounded to the
    result's dtype. If it is ``awaited``, nothing else is computed before it is done.
    """

    result: Value
    lhs: Value
    rhs: Value
    accumulator: Value | None
    accumulate: torch.dtype
    awaited: bool = False
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
class Reshape:
    """Split and merge dimensions in row-major order. Lanes keep their order too: see :mod:`.reshapes`."""

    result: Value
    operand: Value
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Pick:
    """``result[…, i, …] = operand[…, index[…, i, …], …]`` along ``dim``: ``torch.gather`` on values.

    ``index`` is int32 and has the result's shape; its lanes lie inside the operand.
    """

    result: Value
    operand: Value
    index: Value
    dim: int
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Sort:
    """Sort int64 lanes along the last dimension, the least first. Padding holds the greatest number, and stays last."""

    result: Value
    operand: Value
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Mask:
    """Set the padding lanes of ``operand`` along ``dim`` to ``fill``.

    ``axis`` is the tile loop's that the dimension runs along, where its size alone does not tell.
    """

    result: Value
    operand: Value
    dim: int
    fill: float | bool
    axis: Axis | None = None
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


@attrs.frozen(eq=False, kw_only=True)
class While:
    """Run ``body`` as long as ``condition`` yields true; carried values as in :class:`Loop`, for both blocks."""

    initial: tuple[Value, ...]
    parameters: tuple[Value, ...]
    results: tuple[Value, ...]
    condition: Block
    body: Block
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class If:
    """Run one of two blocks, as the scalar ``condition`` says; ``results`` are what it yields."""

    condition: Value
    then: Block
    otherwise: Block
    results: tuple[Value, ...]
    location: Location | None = None


@attrs.frozen(eq=False, kw_only=True)
class Part:
    """Do ``body`` once, for one of the parts that a Schedule cuts a tile into. ``axis`` is that part's alone."""

    axis: Axis
    body: Block
    location: Location | None = None


Op: TypeAlias = (
    Load
    | Store
    | Atomic
    | Fence
    | Full
    | Range
    | Iota
    | Number
    | Pointwise
    | Reduce
    | Fold
    | Dot
    | Permute
    | Unsqueeze
    | Squeeze
    | Broadcast
    | Reshape
    | Pick
    | Sort
    | Mask
    | Loop
    | While
    | If
    | Part
    | Random
    | Join
    | Split
    | Cut
    | Renew
    | Print
    | Breakpoint
    | InlineTriton
    | CallTriton
    | InlineAssembly
)
Access: TypeAlias = Load | Store | Atomic

_EFFECTS = (Store, Atomic, Fence, Part, Print, Breakpoint, InlineTriton, CallTriton)


def has_effect(op: Op) -> bool:
    """Whether an op matters although nobody reads what it defines."""
    return isinstance(op, _EFFECTS) or (isinstance(op, InlineAssembly) and not op.pure)


@attrs.frozen(eq=False, kw_only=True)
class Grid:
    """An outermost tile loop: its tiles run in parallel, one program each.

    ``after_barrier`` says that all programs finish the grid before it first.
    """

    axes: tuple[Axis, ...]
    body: Block
    after_barrier: bool = False
    location: Location | None = None
