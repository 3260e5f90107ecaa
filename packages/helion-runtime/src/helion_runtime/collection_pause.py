"""A pause of Python's garbage collector while many objects are made that are all kept.

Opening a bundle makes thousands of them. Collections meanwhile would find nothing, and one of all generations, which
walks everything that torch has made, takes ten times as long as the opening.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def collection_pause() -> Iterator[None]:
    """Nothing is collected inside, unless another thread, in a pause of its own, ends it earlier."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
