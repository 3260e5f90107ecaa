"""Compiling here what a bundle holds as source: Triton source in, a binary for the device at hand out.

Triton runs in a process of its own, which imports :mod:`helion_runtime.recompiling.worker` and nothing else of ours;
the process that serves never loads it. The compiler compiles by the same worker.
"""
