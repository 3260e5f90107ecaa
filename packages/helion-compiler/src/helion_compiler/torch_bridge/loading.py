"""TorchInductor, imported when something needs it.

It takes two to three seconds, with Dynamo, and most kernels do without: `common_operators` has the texts of the usual
operators, and `decompositions` finds the usual composites in what torch has imported anyway. So the modules that
import it are imported by functions, each after `load_inductor`.
"""

from __future__ import annotations

import importlib
import threading

from helion_compiler.torch_bridge.modes import unwatched
from helion_runtime.collection_pause import collection_pause

__all__ = ["load_inductor"]

_LOADING = threading.Lock()


def load_inductor() -> None:
    """Import what this package uses of TorchInductor, unless that was done. Any thread may ask.

    One thread imports while others wait, since its modules import each other in circles, in which two threads could
    meet half-made modules. No mode sees it: a trace that is going on would take for its own what modules compute.
    """
    with _LOADING, unwatched(), collection_pause():
        importlib.import_module("helion_compiler.torch_bridge.inductor")
