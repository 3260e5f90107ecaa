"""Line information in binaries: wanted by profilers, unwanted in bundles, where it would carry file
names of the building machine."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_KNOB = "disable_line_info"
_VARIABLE = "TRITON_DISABLE_LINE_INFO"
WITHOUT_LINE_INFO = {_VARIABLE: "1"}
"""The environment of a process that compiles nothing else."""

_ALONE = threading.Lock()


@contextmanager
def without_line_info() -> Iterator[None]:
    """Let Triton leave line information out of whatever is compiled meanwhile, in every thread.

    The knob is Triton's, and the process has one: scopes of several threads follow each other. It
    is set on the knobs object itself: assigning it would also set an environment variable.
    """
    import triton  # the compiler is loaded when something is compiled

    knobs = vars(triton.knobs.compilation)
    with _ALONE:
        before = {name: knobs[name] for name in (_KNOB,) if name in knobs}
        knobs[_KNOB] = True
        try:
            yield
        finally:
            del knobs[_KNOB]
            knobs.update(before)


def cache_key_variables() -> dict[str, str]:
    """What Triton's cache of binaries keys them by besides source and options; by itself it does
    not know of the scope."""
    import triton  # as above
    from triton._C.libtriton import get_cache_invalidating_env_vars  # private: see ARCHITECTURE.md

    variables: dict[str, str] = dict(get_cache_invalidating_env_vars())
    if triton.knobs.compilation.disable_line_info:
        variables[_VARIABLE] = "true"
    return variables
