"""Operators of torch in kernels, checked against PyTorch's own database: see `__main__`."""
