"""Whether every point of the config spaces of the gallery's kernels computes what the kernel says.

``python -m benchmarks.space_correctness --output DIR`` draws configs at random, runs each on poisoned outputs, and
compares with reference mode; with ``--targets`` it also compiles each for GPUs that need not be there.
"""
