"""Kernels whose warps have roles, as source in Gluon: Triton's lower language, in which layouts, copies and barriers are
the author's.

::

    kernel.py      the kernel: shared memory, barriers, and which warps do what
    copying.py     the warp that copies tiles ahead
    computing.py   the groups of warps that compute with them
    buffers.py     what is copied where, and what says that it is there
    context.py     how values lie in the threads of a group
"""

from helion_compiler.emission.roles.kernel import emit_roles

__all__ = ["emit_roles"]
