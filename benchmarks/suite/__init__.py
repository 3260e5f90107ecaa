"""One table: our kernels by default and tuned, eager torch, torch.compile and PyTorch's Helion, beside a limit.

``python -m benchmarks.suite --help`` measures on a GPU; ``python -m benchmarks.suite.report`` makes documents from what
was measured, on any machine. Each case runs in a process of its own (:mod:`benchmarks.suite.worker`), each way of
running it is one class (:mod:`benchmarks.suite.ways`), and cases are data (:mod:`benchmarks.suite.cases`).
"""
