"""Looking at values: here they are real."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helion.reference.state import ReferenceState


def device_print(
    state: ReferenceState,  # noqa: ARG001 - every meaning takes it
    prefix: str,
    values: tuple[Any, ...],
) -> None:
    """Python's own."""
    print(prefix, *values)


def breakpoint(state: ReferenceState) -> None:  # noqa: A001 - as declared
    """Python's own, and what PYTHONBREAKPOINT says; the kernel is the frame outside of Helion's."""
    with state.at_work(working=False):
        sys.breakpointhook()
