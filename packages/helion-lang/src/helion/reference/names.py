"""The names that compiled Python mentions."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def names_mentioned(code: types.CodeType) -> Iterator[str]:
    """The globals and attributes that code, and code nested in it, may look up."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_mentioned(constant)
