"""Tuning: which config a specialization runs, measured and checked."""

from helion_compiler.tuning.choose_config import autotune, choose_config

__all__ = ["autotune", "choose_config"]
