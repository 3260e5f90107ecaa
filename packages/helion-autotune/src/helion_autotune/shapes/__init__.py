"""Few configs for many shapes: one for all, one for each bucket of sizes, or a small portfolio, and what each costs."""

from helion_autotune.shapes.buckets import Bucket, Buckets, bucketed, contiguous_buckets
from helion_autotune.shapes.many_shapes import ManyShapes
from helion_autotune.shapes.portfolio import Portfolio, portfolio
from helion_autotune.shapes.time_table import TimeTable
from helion_autotune.shapes.tuning import measure_everywhere, tune_for_shapes

__all__ = [
    "Bucket",
    "Buckets",
    "ManyShapes",
    "Portfolio",
    "TimeTable",
    "bucketed",
    "contiguous_buckets",
    "measure_everywhere",
    "portfolio",
    "tune_for_shapes",
]
