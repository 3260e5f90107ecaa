"""What stands in a text for TorchInductor's own, and which names a text needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from helion_compiler.torch_bridge.approximations import APPROXIMATIONS
from helion_compiler.torch_bridge.elementary import ELEMENTARY, ELEMENTARY_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["float32_texts", "names_in"]

_SUPPORT = re.compile(r"(?<![\w.])(libdevice|tl_math|triton_helpers)\.")


def float32_texts(*, approximated: frozenset[str], elementary: bool) -> Mapping[str, str]:
    """Format strings of float32 operands, by the name of TorchInductor's op that they stand for.

    Those that are `approximated` are by few instructions; with `elementary` they call functions of that module.
    """
    own = {name: f"{function}({{0}})" for name, function in ELEMENTARY.items()}
    rough = {name: text for name, text in APPROXIMATIONS.items() if name in approximated}
    return {**(own if elementary else {}), **rough}


def names_in(text: str) -> set[str]:
    """What a line needs: modules, and functions of our own with the module that they need."""
    own = {name for name in ELEMENTARY_FUNCTIONS if text.startswith(f"{name}(")}
    return own.union(*map(_SUPPORT.findall, (text, *map(ELEMENTARY_FUNCTIONS.__getitem__, own))))
