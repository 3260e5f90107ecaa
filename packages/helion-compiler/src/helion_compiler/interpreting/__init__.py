"""Runs generated Triton kernels on CPU tensors, with the numbers a GPU would give and every access checked.

In: kernels, a grid and arguments. Out: the tensors, written to. Nothing of Triton is patched and no environment
variable is read, so the same process may compile the same kernels before, after and meanwhile.
Assumed: Triton 3.6 or newer, whose interpreter supplies the structural operations; its faults in small floats,
casts, comparisons, integer division, reductions and libdevice are repaired here.
"""

from helion_compiler.interpreting.launch import interpret
from helion_compiler.interpreting.memory import OutOfBoundsAccess

__all__ = ["OutOfBoundsAccess", "interpret"]
