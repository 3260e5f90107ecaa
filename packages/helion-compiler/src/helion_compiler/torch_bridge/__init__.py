"""The only package that imports private modules of torch.

In: ATen operators, fake tensors, shape environments. Out: plain data and public torch types:
Triton text of pointwise operators (`pointwise`), a decomposition table (`decompositions`), symbols,
fake tensors and guards (`symbolic`). Everything that differs between supported versions of torch
stays in here. `pointwise` and `decompositions` load TorchInductor (about 1.5 s): import them only
where a kernel is being compiled.
"""
