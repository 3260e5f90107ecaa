"""Kernels as operators of torch's: what tracers, fake tensors and autograd see of a kernel that is compiled as it is
called.

In: calls under torch's dispatch modes, with fake tensors, or with tensors that require gradients. Out: calls of
operators, which are defined when the first such call comes.
"""

from helion_compiler.torch_operators.kernel_operators import KernelOperators, with_captured

__all__ = ["KernelOperators", "with_captured"]
