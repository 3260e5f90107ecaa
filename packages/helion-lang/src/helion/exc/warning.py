"""What is allowed and probably not meant: warnings, which Python's own filters show, hide or turn into errors."""

from __future__ import annotations

from typing import ClassVar


class HelionWarning(UserWarning):
    """Something that works, and has a better way; ``str()`` says both."""

    message: ClassVar[str]

    def __init__(self, **fields: object) -> None:
        super().__init__(self.message.format(**fields))


class TensorOperationInWrapper(HelionWarning):
    """A tensor is computed with on the host, where it becomes a kernel launch of its own."""

    message = (
        "`{operation}` runs on the host, apart from the kernel; move it into a tile loop to fuse it"
    )


class TiledKMatmulAccumulationWarning(HelionWarning):
    """A product is rounded before it is added to the accumulator."""

    message = "`{operation}` rounds the product before adding: `torch.addmm(acc, a, b)` or `hl.dot(a, b, acc=acc)`"
