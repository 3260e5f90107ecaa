"""Compiling generated functions, remembered by their text.

The text is made by this package alone, of names it invents (``a0``, ``b2``, ``k5``) and whole
numbers it counts: no text of a bundle or of a caller ever reaches the compiler.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@lru_cache(maxsize=512)
def factory(text: str) -> Callable[..., Any]:
    """The function ``make`` that ``text`` defines, compiled once per text."""
    namespace: dict[str, Any] = {}
    exec(compile(text, "<helion_runtime prepared call>", "exec"), namespace)
    made: Callable[..., Any] = namespace["make"]
    return made
