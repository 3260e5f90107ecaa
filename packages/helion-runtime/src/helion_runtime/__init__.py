"""Load and launch precompiled Helion kernels: no compiler, no tuner, no Triton.

The public names below are imported when first used, so that importing the package costs next to
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helion_runtime import errors
    from helion_runtime.bundle import Bundle, Requirements, load
    from helion_runtime.bundle.sign import sign_bundle
    from helion_runtime.bundle.writing import write_bundle
    from helion_runtime.dispatch import Dispatcher, PreparedCall
    from helion_runtime.ed25519 import SigningKey
    from helion_runtime.errors import RuntimeBundleError
    from helion_runtime.in_use import use
    from helion_runtime.modules import KernelImage

__all__ = [
    "Bundle",
    "Dispatcher",
    "KernelImage",
    "PreparedCall",
    "Requirements",
    "RuntimeBundleError",
    "SigningKey",
    "errors",
    "load",
    "sign_bundle",
    "use",
    "write_bundle",
]

_PLACES = {
    "Bundle": "helion_runtime.bundle",
    "Dispatcher": "helion_runtime.dispatch",
    "KernelImage": "helion_runtime.modules",
    "PreparedCall": "helion_runtime.dispatch",
    "Requirements": "helion_runtime.bundle",
    "RuntimeBundleError": "helion_runtime.errors",
    "SigningKey": "helion_runtime.ed25519",
    "load": "helion_runtime.bundle",
    "sign_bundle": "helion_runtime.bundle.sign",
    "use": "helion_runtime.in_use",
    "write_bundle": "helion_runtime.bundle.writing",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("helion_runtime.errors")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
