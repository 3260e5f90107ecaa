"""Tiles as sizes, where torch's own functions take them: ``x.view(tile, -1)``, ``torch.zeros([tile, 4])``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.tracing.tiles import TracedTile

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.tracing.symbols import Symbols

_TAKE_SHAPES = frozenset(
    {
        "broadcast_to",
        "empty",
        "expand",
        "full",
        "new_empty",
        "new_full",
        "new_ones",
        "new_zeros",
        "ones",
        "rand",
        "randint",
        "randn",
        "reshape",
        "unflatten",
        "view",
        "zeros",
    }
)
_TAKE_FILLS = frozenset({"full", "new_full", "randint"})
"""Of these, bare numbers among the arguments are no sizes."""


def is_torch(function: object) -> bool:
    """Whether a function is torch's, or a method of a tensor."""
    if isinstance(getattr(function, "__self__", None), torch.Tensor):
        return True
    module = getattr(function, "__module__", None) or getattr(type(function), "__module__", "")
    return isinstance(module, str) and module.partition(".")[0] == "torch"


def with_sizes(
    symbols: Symbols, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of one of torch's functions, with the lanes of each tile in its place.

    Where a shape is taken, a block size as a number is the lanes of a tile, too.
    """
    name = getattr(function, "__name__", "")
    listed = name in _TAKE_SHAPES
    bare = listed and name not in _TAKE_FILLS

    def size(argument: Any, *, shape: bool = bare) -> Any:
        if isinstance(argument, TracedTile):
            return argument.size
        if shape and isinstance(argument, torch.SymInt):
            return symbols.value(symbols.lanes(argument))
        if type(argument) in (list, tuple):
            return type(argument)(size(item, shape=listed) for item in argument)
        return argument

    positional = tuple(size(argument) for argument in args)
    return positional, {name: size(argument) for name, argument in kwargs.items()}
