"""The cases of all families."""

from __future__ import annotations

from gallery import attentions, indexed, losses, products, ragged, rows, sequences, special

CASES = [
    *rows.CASES,
    *losses.CASES,
    *products.CASES,
    *attentions.CASES,
    *ragged.CASES,
    *indexed.CASES,
    *sequences.CASES,
    *special.CASES,
]
