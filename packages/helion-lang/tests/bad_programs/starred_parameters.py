"""A kernel of any number of tensors."""

from __future__ import annotations

import helion


def provoke() -> None:
    @helion.kernel
    def kernel(*tensors: int) -> int:
        return tensors[0]
