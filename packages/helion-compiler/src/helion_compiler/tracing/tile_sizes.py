"""Tiles as sizes, where torch's own functions take them: ``x.view(tile, -1)``, ``torch.zeros([tile, 4])``."""

from __future__ import annotations

from typing import Any

import torch

from helion_compiler.tracing.tiles import TracedTile


def is_torch(function: object) -> bool:
    """Whether a function is torch's, or a method of a tensor."""
    if isinstance(getattr(function, "__self__", None), torch.Tensor):
        return True
    module = getattr(function, "__module__", None) or getattr(type(function), "__module__", "")
    return isinstance(module, str) and module.partition(".")[0] == "torch"


def sizes_for_tiles(argument: Any) -> Any:
    """An argument with every tile in it, lists included, replaced by its number of lanes."""
    if isinstance(argument, TracedTile):
        return argument.size
    if type(argument) in (list, tuple):
        return type(argument)(sizes_for_tiles(item) for item in argument)
    if type(argument) is dict:
        return {key: sizes_for_tiles(item) for key, item in argument.items()}
    return argument
