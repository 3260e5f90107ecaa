"""The parameters of a compiled kernel, word by word: how Triton expands a signature into what the
driver is given.

A host tensor descriptor becomes a tensor map where the target has TMA, and a pointer with its
geometry and flags elsewhere; then its shape and strides follow once more. Triton 3.7 added a flag
to the second form.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCRATCH = ("global_scratch", "profile_scratch")
"""Every kernel ends with two scratch pointers, used or not."""

_RANK = re.compile(r"tensordesc<[^\[]*\[([^\]]*)\]")
_SECOND_FLAG_SINCE = (3, 7)


def parameter_words(types: Sequence[str], descriptor_layouts: Sequence[Any]) -> tuple[str, ...]:
    """The ABI words of a kernel with these signature types, scratch included.

    ``descriptor_layouts`` is Triton's ``tensordesc_meta``: empty where descriptors were lowered to
    pointers.
    """
    return (*_expand(types, has_tma=bool(descriptor_layouts)), *SCRATCH)


def _expand(types: Sequence[str], *, has_tma: bool) -> Iterator[str]:
    for type_ in types:
        descriptor = _RANK.match(type_)
        if descriptor is not None:
            rank = descriptor[1].count(",") + 1
            yield from ("tensormap",) if has_tma else _pointer_form(rank)
            yield from ("i32",) * rank
            yield from ("i64",) * rank
        else:
            yield "pointer" if type_.startswith("*") else type_


def _pointer_form(rank: int) -> tuple[str, ...]:
    flags = 2 if triton_version() >= _SECOND_FLAG_SINCE else 1
    return ("pointer", *("i64",) * (2 * rank), *("i1",) * flags)


def triton_version() -> tuple[int, int]:
    """Triton's major and minor version."""
    import triton  # the compiler is loaded when something is compiled

    major, minor = triton.__version__.split(".")[:2]
    return int(major), int(minor)
