"""How long until kernels have run once where they are served: ``python -m benchmarks.serving_first_calls``."""
