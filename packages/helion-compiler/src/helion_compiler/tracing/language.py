"""What the functions of ``helion.language`` mean while a kernel is traced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion.language import Tile
from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.torch_bridge import symbolic
from helion_compiler.tracing import subscripts
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.location import here
from helion_compiler.tracing.operators import dot as record_dot
from helion_compiler.tracing.tiles import TracedRange, TracedTile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion.language import Declaration
    from helion_compiler.tracing.state import Trace


class TracingSemantics:
    """The active semantics of the language during a trace. Methods are named after the declarations."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def call(self, declaration: Declaration, arguments: Mapping[str, Any]) -> Any:
        """One call of a language function."""
        if declaration.name in NOT_YET_COMPILED:
            raise _not_compiled(f"hl.{declaration.name}")
        return MEANINGS[declaration.name](self._trace, **arguments)


def _need_device(trace: Trace, name: str) -> None:
    if not trace.on_device:
        raise exc.DeviceAPIOnHost(span=here(), function=name)


def tile(_trace: Trace, begin_or_end: Any, end: Any = None, block_size: Any = None) -> TracedRange:
    """``hl.tile``: one axis per entry."""
    single = not isinstance(begin_or_end, list | tuple | torch.Size)
    firsts = [begin_or_end] if single else list(begin_or_end)
    begins = [0] * len(firsts) if end is None else firsts
    ends = firsts if end is None else ([end] if single else list(end))
    sizes = list(block_size) if isinstance(block_size, list | tuple) else [block_size] * len(ends)
    if not (len(begins) == len(ends) == len(sizes)) or not ends:
        raise exc.InvalidTileRange(
            span=here(),
            problem=f"it has {len(begins)} begins, {len(ends)} ends and {len(sizes)} block sizes",
        )
    for bound in (*begins, *ends):
        if isinstance(bound, bool) or not isinstance(bound, int | torch.SymInt):
            raise exc.InvalidTileRange(
                span=here(), problem=f"a bound is {_describe(bound)}, not an integer"
            )
    for size in sizes:
        if isinstance(size, int) and (size < 1 or size & (size - 1)):
            raise exc.InvalidTileRange(
                span=here(), problem=f"block_size {size} is not a power of two"
            )
    return TracedRange(tuple(begins), tuple(ends), tuple(sizes), single)


def _describe(bound: object) -> str:
    return f"a {type(bound).__name__}"


def _sizes(trace: Trace, shape: Any) -> tuple[Any, ...]:
    entries: Sequence[Any] = shape if isinstance(shape, list | tuple) else [shape]
    sizes = [entry.size if isinstance(entry, TracedTile) else entry for entry in entries]
    for size in sizes:
        if not isinstance(size, int | torch.SymInt):
            raise exc.InvalidIndexingType(span=here(), index=f"{_describe(size)} in a shape")
    return tuple(trace.symbols.lanes(size) for size in sizes)


def zeros(
    trace: Trace, shape: Any, dtype: torch.dtype, device: torch.device | None = None
) -> torch.Tensor:
    """A tile of zeros."""
    return full(trace, shape, 0, dtype, device)


def full(
    trace: Trace, shape: Any, value: Any, dtype: torch.dtype, device: torch.device | None = None
) -> torch.Tensor:
    """A tile of one number."""
    _need_device(trace, "full")
    if device is not None and torch.device(device) != trace.torch_device:
        raise exc.WrongDevice(
            span=here(),
            parameter="device",
            found=str(device),
            other="the kernel",
            expected=str(trace.torch_device),
        )
    return fill_tile(trace, _sizes(trace, shape), value, dtype)


def load(
    trace: Trace,
    tensor: torch.Tensor,
    index: Any,
    extra_mask: torch.Tensor | None = None,
    eviction_policy: str | None = None,
) -> torch.Tensor:
    """``tensor[index]`` in words."""
    _need_device(trace, "load")
    if extra_mask is not None or eviction_policy is not None:
        raise _not_compiled("hl.load with extra_mask or eviction_policy")
    return subscripts.load(trace, tensor, index)


def store(
    trace: Trace,
    tensor: torch.Tensor,
    index: Any,
    value: Any,
    extra_mask: torch.Tensor | None = None,
) -> None:
    """``tensor[index] = value`` in words."""
    _need_device(trace, "store")
    if extra_mask is not None:
        raise _not_compiled("hl.store with extra_mask")
    subscripts.store(trace, tensor, index, value)


def dot(
    trace: Trace,
    a: torch.Tensor,
    b: torch.Tensor,
    acc: torch.Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """A matrix product in the accumulator's dtype, ``out_dtype``, or float32 (int32 for integers)."""
    _need_device(trace, "dot")
    promoted = torch.promote_types(a.dtype, b.dtype)
    default = (
        promoted
        if promoted is torch.float64
        else torch.float32
        if promoted.is_floating_point
        else torch.int32
    )
    dtype = out_dtype or (acc.dtype if acc is not None else default)
    if acc is not None and acc.dtype != dtype:
        acc = acc.to(dtype)
    return record_dot(trace, a, b, acc, dtype)


def _of_tile(name: str) -> Callable[[Trace, Any], Any]:
    def meaning(_trace: Trace, tile: Any) -> Any:
        if not isinstance(tile, Tile):
            raise exc.IncorrectTileUsage(
                span=here(), operation=f"hl.tile_{name}({_describe(tile)})"
            )
        return getattr(tile, name)

    return meaning


def specialize(trace: Trace, value: Any) -> Any:
    """Turn sizes into constants, which the specialization then depends on."""
    if isinstance(value, list | tuple):
        return type(value)(specialize(trace, item) for item in value)
    if isinstance(value, torch.SymFloat):
        return float(value)
    if isinstance(value, torch.SymInt):
        if not trace.symbols.is_host(trace.symbols.expression(value)):
            raise exc.IncorrectTileUsage(span=here(), operation="hl.specialize")
        return int(value)
    return value


def register_block_size(trace: Trace, min_or_max: int, max: int | None = None) -> torch.SymInt:  # noqa: A002  # the declaration's name
    """A block size that several loops may share."""
    low, high = (None, min_or_max) if max is None else (min_or_max, max)
    hint = symbolic.expression(high) if high is not None else 1 << 16
    limit = int(high) if isinstance(hint, int) else 1 << 16
    # Extents serve as bounds, too, and blocks are powers of two.
    least = None if low is None else next_power_of_two(low)
    most = next_power_of_two(limit)
    block, _ = trace.body.new_block_size("block", limit, low=least, high=most)
    return trace.symbols.nominal(block.symbol)


MEANINGS: dict[str, Callable[..., Any]] = {
    "tile": tile,
    "zeros": zeros,
    "full": full,
    "load": load,
    "store": store,
    "dot": dot,
    "tile_index": _of_tile("index"),
    "tile_begin": _of_tile("begin"),
    "tile_end": _of_tile("end"),
    "tile_id": _of_tile("id"),
    "tile_block_size": _of_tile("block_size"),
    "tile_count": _of_tile("count"),
    "specialize": specialize,
    "register_block_size": register_block_size,
}

NOT_YET_COMPILED: frozenset[str] = frozenset(
    {
        "arange",
        "associative_scan",
        "atomic_add",
        "atomic_and",
        "atomic_cas",
        "atomic_max",
        "atomic_min",
        "atomic_or",
        "atomic_xchg",
        "atomic_xor",
        "barrier",
        "breakpoint",
        "cumprod",
        "cumsum",
        "device_print",
        "dot_scaled",
        "grid",
        "inline_asm_elementwise",
        "inline_triton",
        "jagged_tile",
        "join",
        "rand",
        "rand4x",
        "randint",
        "randn",
        "reduce",
        "register_tunable",
        "split",
        "stacktensor_like",
        "static_range",
        "subscript",
        "triton_kernel",
    }
)
"""Declared, and given meaning in reference mode alone so far. A function leaves this table for MEANINGS."""


def _not_compiled(what: str) -> exc.UnsupportedOperator:
    return exc.UnsupportedOperator(
        span=here(), operator=what, reason="the compiler does not know it yet"
    )
