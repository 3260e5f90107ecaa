"""The Helion compiler: kernels to Triton, to binaries, and to bundles that run without it.

Kernels find it by themselves: ``helion`` calls its backend ``compile``. The public names below are
imported when first used, so that importing the package loads neither torch nor Triton.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helion_compiler.bundling import (
        BuildRequest,
        BuiltBundle,
        LockedConfigs,
        RangedTensor,
        RecordedConfigs,
        SizeRange,
        TunedRequest,
        build_bundle,
        tune_requests,
    )

__all__ = [
    "BuildRequest",
    "BuiltBundle",
    "LockedConfigs",
    "RangedTensor",
    "RecordedConfigs",
    "SizeRange",
    "TunedRequest",
    "build_bundle",
    "tune_requests",
]

_PLACES = dict.fromkeys(__all__, "helion_compiler.bundling")


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
