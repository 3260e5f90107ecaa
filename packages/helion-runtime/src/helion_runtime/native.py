"""The optional extension module, which launches without ctypes.

In: nothing. Out: its function ``prepare``, or None where this installation has none: launches then go through ctypes.
Both take the same memory layout (:mod:`helion_runtime.launcher`) and give the same launches.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@cache
def find_native() -> Callable[..., Callable[..., int]] | None:
    """``prepare(launch_address, function, template, fields, parameter_offsets, attributes_address, attributes)``, whose
    result is called with the stream and the fields' values and returns a CUresult."""
    try:
        module: Any = import_module("helion_runtime._launch")
    except ModuleNotFoundError:
        return None
    prepare: Callable[..., Callable[..., int]] = module.prepare
    return prepare
