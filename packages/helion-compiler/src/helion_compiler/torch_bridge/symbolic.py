"""Symbolic sizes and fake tensors.

In: names, hints, sizes, strides. Out: `torch.SymInt`s that behave as unknown numbers of at least
two, fake tensors with such sizes on any device type (present or not), and the guards under which
what Python decided while it ran with them holds.

Every symbol is assumed to be at least 2, so that questions such as "is this size 1, does it
broadcast?" are answered without a guard. Where a size can be 0 or 1 at run time, the program has to
mean the same there: that is the caller's duty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy
import torch
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv
from torch.utils._sympy.functions import FloorDiv, Min

from helion_compiler.torch_bridge.modes import without_modes
from helion_compiler.torch_bridge.without_dynamo import NamedSource, QuickFakeMode, QuickShapeEnv

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch._subclasses.fake_tensor import FakeTensorMode

__all__ = [
    "Size",
    "asked_of_unknown_numbers",
    "example_number",
    "expression",
    "fake_like",
    "fake_mode",
    "floor_div",
    "guards",
    "has_unknown_shape",
    "imagined",
    "is_composite",
    "is_fake",
    "make_shape_env",
    "new_float",
    "new_number",
    "new_symbol",
    "unknown_float",
    "unknown_number",
]

Size = int | torch.SymInt

_MARKS = "_dynamo_static_indices"
_UNKNOWN = 4099
"""What a number that torch knows nothing of is taken for where an example is needed."""


def make_shape_env() -> ShapeEnv:
    """A shape environment in which equal hints do not make symbols equal."""
    return QuickShapeEnv(specialize_zero_one=True, duck_shape=False)


def fake_mode(shape_env: ShapeEnv | None = None) -> FakeTensorMode:
    """A mode under which tensors have no data, and sizes may be symbols of `shape_env`."""
    mode: FakeTensorMode = QuickFakeMode(shape_env=shape_env)
    return mode


def asked_of_unknown_numbers(error: BaseException) -> frozenset[sympy.Symbol] | None:
    """What an error of torch is about that says that Python asked for a number which only the run will
    tell: the symbols in the question. None for any other error.
    """
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    if not isinstance(error, GuardOnDataDependentSymNode):
        return None
    return frozenset(getattr(error.cond, "free_symbols", ()))


def has_unknown_shape(error: BaseException) -> bool:
    """Whether an error of torch says that the shape of a result depends on the elements of a tensor."""
    from torch._subclasses.fake_tensor import DynamicOutputShapeException

    return isinstance(error, DynamicOutputShapeException)


def example_number(value: Any) -> Any:
    """A number that one of torch's symbols may stand for: the one at hand where torch knows it, else a large one.

    Plain numbers are given back.
    """
    if isinstance(value, int | float):
        return value
    hint = value.node.hint
    if hint is None:
        symbols = value.node.expr.free_symbols
        hint = value.node.expr.xreplace(dict.fromkeys(symbols, sympy.Integer(_UNKNOWN)))
    return value.node.pytype(hint)


def new_symbol(shape_env: ShapeEnv, name: str, hint: int) -> torch.SymInt:
    """A fresh size, never specialized, assumed to be at least 2.

    Args:
        shape_env: Where the symbol lives.
        name: What the symbol stands for; unique within `shape_env`.
        hint: The number that comparisons are decided by, at least 2. A large one that no other
            symbol has, and that is no multiple of another's, keeps accidental equalities out.

    Raises:
        ValueError: The hint is below 2, or the name was used before.
    """
    if hint < 2:
        raise ValueError(f"the hint of symbol {name!r} must be at least 2, not {hint}")
    source = NamedSource(name)
    if any(source in sources for sources in shape_env.var_to_sources.values()):
        raise ValueError(f"a symbol named {name!r} already exists in this shape environment")
    symbol = shape_env.create_symbol(hint, source, DimDynamic.DYNAMIC)
    size = shape_env.create_symintnode(symbol, hint=hint, source=source)
    assert isinstance(size, torch.SymInt)
    return size


def new_number(shape_env: ShapeEnv, name: str, hint: int) -> torch.SymInt:
    """A fresh integer of which nothing is assumed; what Python asks of it is decided by ``hint`` and
    becomes a guard.
    """
    source = NamedSource(name)
    symbol = shape_env.create_symbol(
        hint, source, DimDynamic.DYNAMIC, positive=None, do_not_specialize_zero_one=True
    )
    number = shape_env.create_symintnode(symbol, hint=hint, source=source)
    assert isinstance(number, torch.SymInt)
    return number


def new_float(shape_env: ShapeEnv, name: str, hint: float) -> torch.SymFloat:
    """A fresh float; what Python asks of it is decided by ``hint`` and becomes a guard."""
    source = NamedSource(name)
    symbol = shape_env.create_unspecified_symbol(hint, source, DimDynamic.DYNAMIC)
    number = shape_env.create_symfloatnode(symbol, hint=hint, source=source)
    assert isinstance(number, torch.SymFloat)
    return number


def unknown_number(shape_env: ShapeEnv) -> torch.SymInt:
    """A fresh integer that Python may compute with, but not ask about."""
    number = shape_env.create_unbacked_symint()
    assert isinstance(number, torch.SymInt)
    return number


def unknown_float(shape_env: ShapeEnv) -> torch.SymFloat:
    """A fresh float that Python may compute with, but not ask about."""
    number = shape_env.create_unbacked_symfloat()
    assert isinstance(number, torch.SymFloat)
    return number


def expression(size: Size) -> sympy.Expr | int:
    """A size as an expression over symbols, or as a plain number where it is one."""
    if isinstance(size, int):
        return size
    found = size.node.expr
    return int(found) if found.is_Integer else found


def guards(shape_env: ShapeEnv) -> list[sympy.Basic]:
    """The conditions that Python's decisions so far depend on, oldest first, without repeats.

    Conditions that follow from "every symbol is at least 2" never become guards.
    """
    return list(dict.fromkeys(guard.expr for guard in shape_env.guards))


def fake_like(
    mode: FakeTensorMode,
    sizes: Sequence[Size],
    dtype: torch.dtype,
    device: torch.device | str,
    strides: Sequence[Size] | None = None,
) -> torch.Tensor:
    """A fake tensor.

    Args:
        mode: The mode it belongs to.
        sizes: One per dimension.
        dtype: The element type.
        device: Any device; `cuda` needs no GPU.
        strides: In elements, one per dimension; row-major without gaps if left out.
    """
    from torch._subclasses.fake_tensor import FakeTensor

    # What the mode itself would make of a call of torch.empty, without asking how it dispatches.
    with without_modes():
        meta = (
            torch.empty(tuple(sizes), dtype=dtype, device="meta")
            if strides is None
            else torch.empty_strided(tuple(sizes), tuple(strides), dtype=dtype, device="meta")
        )
        return FakeTensor(mode, meta, torch.device(device))


def is_fake(tensor: torch.Tensor) -> bool:
    """Whether a tensor has sizes and a dtype, but neither memory nor an address."""
    from torch._subclasses.fake_tensor import FakeTensor

    return isinstance(tensor, FakeTensor)


def floor_div(numerator: sympy.Expr | int, denominator: sympy.Expr | int) -> sympy.Expr:
    """`numerator // denominator` in the form that guards and sizes of torch have."""
    return FloorDiv(numerator, denominator)


def smaller(first: sympy.Expr | int, second: sympy.Expr | int) -> sympy.Expr:
    """The smaller of two sizes, alike."""
    return Min(first, second)  # type: ignore[no-untyped-call] # torch leaves it without annotations


def is_composite(operator: torch._ops.OpOverload) -> bool:
    """Whether an ATen operator is defined by others alone, such as `aten.to` and `aten.matmul`."""
    name = operator.name()  # type: ignore[no-untyped-call] # torch leaves it without annotations
    return torch._C._dispatch_has_kernel_for_dispatch_key(
        name, torch._C.DispatchKey.CompositeImplicitAutograd
    )


def imagined(tensor: torch.Tensor, mode: FakeTensorMode) -> torch.Tensor:
    """A fake of a tensor, with numbers for sizes and strides that are symbols."""
    sizes = [example_number(size) for size in tensor.shape]
    strides = [example_number(stride) for stride in tensor.stride()]
    return fake_like(mode, sizes, tensor.dtype, tensor.device, strides)


def marked_static(tensor: torch.Tensor) -> frozenset[int]:
    """The dimensions that ``torch._dynamo.mark_static`` was called on: their sizes are part of a specialization."""
    return frozenset(getattr(tensor, _MARKS, ()))


def mark_static(tensor: torch.Tensor, dims: Iterable[int]) -> torch.Tensor:
    """The same tensor, with marks as of ``torch._dynamo.mark_static`` on these dimensions, too."""
    marks = {*marked_static(tensor), *dims}
    if marks == marked_static(tensor):
        return tensor
    marked = tensor.detach()
    setattr(marked, _MARKS, marks)
    return marked
