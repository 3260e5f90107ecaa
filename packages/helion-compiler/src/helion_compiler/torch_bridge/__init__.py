"""The only package that imports private modules of torch.

In: ATen operators, fake tensors, shape environments. Out: plain data and public torch types:
Triton text of pointwise operators (`pointwise`), a decomposition table (`decompositions`), symbols,
fake tensors and guards (`symbolic`). Everything that differs between supported versions of torch
stays in here. Importing it imports neither TorchInductor nor Dynamo, and usual kernels need neither:
`without_dynamo` keeps torch's own classes from importing Dynamo, `usual_operators` and
`decompositions` know what TorchInductor would say; it is loaded (`loading`) for the rest.
"""
