"""Passes: each a function from Program to Program, one to a file, of the same name."""

from helion_compiler.passes.drop_dead_ops import drop_dead_ops
from helion_compiler.passes.insert_masks import insert_masks
from helion_compiler.passes.mark_rounded import mark_rounded
from helion_compiler.passes.mark_small_numbers import mark_small_numbers
from helion_compiler.passes.order_accesses import order_accesses

__all__ = [
    "drop_dead_ops",
    "insert_masks",
    "mark_rounded",
    "mark_small_numbers",
    "order_accesses",
]
