"""Trace: run the staged function once under fake tensors and write down what it does, as a Program."""

from helion_compiler.tracing.trace import trace

__all__ = ["trace"]
