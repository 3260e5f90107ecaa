"""The table's cases, by family."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from benchmarks.suite.cases import attentions, losses, pointwise, products, ragged, rows, sequences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.suite.case import Case

CASES: tuple[Case, ...] = (
    *products.CASES,
    *attentions.CASES,
    *pointwise.CASES,
    *rows.CASES,
    *losses.CASES,
    *ragged.CASES,
    *sequences.CASES,
)


def named(name: str) -> Case:
    """The case of that name; KeyError where there is none."""
    return {case.name: case for case in CASES}[name]


def selected(patterns: Sequence[str], cases: Sequence[Case] = CASES) -> tuple[Case, ...]:
    """The cases whose name begins with one of ``patterns``, or matches it as in a shell; all where there are none.

    Raises:
        ValueError: a pattern matches nothing.
    """
    for pattern in patterns:
        if not any(_matches(case, pattern) for case in cases):
            names = ", ".join(dict.fromkeys(case.name.partition("-")[0] for case in cases))
            raise ValueError(f"no case matches {pattern!r}; their names begin with {names}")
    return tuple(
        case
        for case in cases
        if not patterns or any(_matches(case, pattern) for pattern in patterns)
    )


def _matches(case: Case, pattern: str) -> bool:
    return case.name.startswith(pattern) or fnmatchcase(case.name, pattern)
