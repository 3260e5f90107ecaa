"""Finding the backend that runs a kernel with given settings.

Reference mode is built in; every other backend is an entry point of :data:`helion.backends.ENTRY_POINT_GROUP`. Entry
points are looked for when a kernel first needs one, never at import.
"""

from __future__ import annotations

import functools
import sys
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from helion.backends import ENTRY_POINT_GROUP, INTERFACE_VERSION, Backend, Claimant
from helion.exc import BackendNotInstalled, IncompatibleBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from helion.settings import Settings

COMPILE = "compile"
BUNDLE = "bundle"


def find_backend(settings: Settings, changed: Callable[[], None]) -> Backend:
    """The backend that ``settings`` ask for: reference mode, or a bundle; where they ask for none, the bundles that the
    program uses, if it uses any, or else the compiler.

    ``changed``, a bound method, is called when another backend would be found for settings that ask for none.

    Raises:
        BackendNotInstalled: the package that provides it is missing or cannot be imported.
        IncompatibleBackend: it was written for another version of the Protocols.
    """
    if settings.ref_mode:
        from helion.reference import ReferenceBackend

        return ReferenceBackend()
    installed = _installed(entry_points, tuple(sys.path))
    if settings.bundle is None and BUNDLE in installed:
        backend = _load(installed[BUNDLE])
        if isinstance(backend, Claimant) and backend.claims(changed):
            return backend
    name = COMPILE if settings.bundle is None else BUNDLE
    if name not in installed:
        raise _missing(name, installed)
    return _load(installed[name])


@functools.lru_cache(maxsize=4)
def _installed(
    find: Callable[..., Iterable[EntryPoint]],
    path: tuple[str, ...],  # noqa: ARG001  # what is found depends on it
) -> Mapping[str, EntryPoint]:
    """The backends that are installed, by name; looked for once, since reading every package's metadata takes long."""
    return MappingProxyType({point.name: point for point in find(group=ENTRY_POINT_GROUP)})


def _missing(name: str, installed: Mapping[str, EntryPoint]) -> BackendNotInstalled:
    if name == BUNDLE:
        return BackendNotInstalled(
            problem="running from a bundle needs helion-runtime, which is not installed",
            remedy="pip install helion-runtime",
        )
    if BUNDLE in installed:
        return BackendNotInstalled(
            problem="only helion-runtime is installed, which runs kernels from a bundle; none is named",
            remedy="name the bundle (HELION_BUNDLE=kernels.helion, helion_runtime.use(...) or "
            "@helion.kernel(bundle=...)),\nor compile: pip install helion-compiler",
        )
    return BackendNotInstalled(
        problem="helion-lang only declares kernels; no package that runs them is installed",
        remedy="pip install helion-compiler to compile them, helion-runtime to run them from a bundle,\n"
        "or set HELION_INTERPRET=1 for reference mode",
    )


@functools.lru_cache(maxsize=4)
def _load(point: EntryPoint) -> Backend:
    """The backend of an entry point, made once: its kernels may share what is costly to have."""
    try:
        backend: Any = point.load()()
    except ImportError as error:
        raise BackendNotInstalled(
            problem=f"backend `{point.name}` ({point.value}) cannot be imported: {error}",
            remedy="reinstall the package that provides it",
        ) from error
    version = getattr(backend, "interface_version", None)
    if version != INTERFACE_VERSION or not isinstance(backend, Backend):
        raise IncompatibleBackend(backend=point.name, found=version, expected=INTERFACE_VERSION)
    return backend
