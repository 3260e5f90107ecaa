"""The gallery's cases, named. Needs no compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallery.every_case import CASES

if TYPE_CHECKING:
    from gallery.case import Case

DRAWS_ALIKE = 4
"""Draws one after the other that share sizes and dtype, since each choice of these is prepared anew."""


def names() -> dict[str, Case]:
    """The cases of the gallery, by names that tell them apart."""
    found: dict[str, Case] = {}
    for case in CASES:
        alike = sum(str(other) == str(case) for other in CASES[: CASES.index(case)])
        found[f"{case}#{alike + 1}" if alike else str(case)] = case
    return found
