"""From Python's error about a name that something lacks to Helion's, with the name that was probably meant."""

from __future__ import annotations

import difflib
import sys
import traceback
from types import ModuleType
from typing import TYPE_CHECKING

import torch

from helion.exc.python_subset import MissingAttribute

if TYPE_CHECKING:
    from helion.exc.diagnostic import Span

_OURS = ("helion", "helion.language")
_NUMBERS = (int, float, torch.SymInt, torch.SymFloat, torch.SymBool)


def missing_attribute(error: Exception, span: Span | None, tiles: type) -> MissingAttribute | None:
    """What the author is told of ``error``, which the author's own code has raised; ``tiles`` are what tiles are of.

    None where it is not about a name of a module, tensor, tile or number: classes of the author's have errors of
    their own.
    """
    if not isinstance(error, AttributeError) or error.name is None:
        return None
    owner = _owner(error.obj, tiles)
    if owner is None:
        return None
    if isinstance(error.obj, tiles):
        remedy = f"it has {', '.join(f'`{name}`' for name in _public(tiles))}"
    else:
        remedy = _remedy(error.obj, error.name)
    return MissingAttribute(owner=owner, name=error.name, remedy=remedy, span=span)


def asking_file(error: AttributeError) -> str | None:
    """The file of the code that asked for the name; modules and classes may look it up in functions of their own."""
    frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    while frames and frames[-1].co_name == "__getattr__":
        frames.pop()
    return frames[-1].co_filename if frames else None


def _owner(value: object, tiles: type) -> str | None:
    """How people call it."""
    if isinstance(value, ModuleType):
        return f"`{value.__name__}`"
    if isinstance(value, torch.Tensor):
        return "a tensor"
    if isinstance(value, tiles):
        return "a tile"
    return "a number" if isinstance(value, _NUMBERS) else None


def _remedy(owner: object, name: str) -> str:
    module = owner.__name__ if isinstance(owner, ModuleType) else None
    for other in _OURS:
        if module in _OURS and other != module and hasattr(sys.modules[other], name):
            return f"it is `{other}.{name}`"
    names = _public(owner if module is not None else type(owner))
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f"did you mean `{near[0] if module is None else f'{module}.{near[0]}'}`?"
    return "use `dir` on it to see what there is"


def _public(owner: object) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]
