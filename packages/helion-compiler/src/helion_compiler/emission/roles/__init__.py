"""Kernels whose warps have roles, as source in Gluon: Triton's lower language, whose authors say how values lie, what
is copied when, and who waits for it.

::

    kernel.py      the kernel: shared memory, barriers, and which warps do what
    copying.py     the warp that copies tiles ahead
    computing.py   the groups of warps that compute with them
    turns.py       the tiles and turns that both count
    memory.py      what they share: blocks, and barriers
    context.py     how values lie in the threads of a group
"""

from helion_compiler.emission.roles.kernel import emit_roles

__all__ = ["emit_roles"]
