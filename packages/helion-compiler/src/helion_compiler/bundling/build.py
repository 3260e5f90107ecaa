"""Build a bundle: compile every request and write one file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from helion_compiler.bundling.assemble import assemble
from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.bundling.locked_configs import LockedConfigs
from helion_compiler.bundling.provenance import built_with, requirements
from helion_compiler.bundling.recorded_configs import RecordedConfigs, is_records
from helion_compiler.bundling.tuned_configs import TunedConfigs
from helion_compiler.bundling.variants import compile_variants
from helion_runtime import write_bundle
from helion_runtime.errors import BundleExistsError, BundleWriteError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from helion_compiler.bundling.request import BuildRequest
    from helion_compiler.bundling.variants import CompiledVariant
    from helion_runtime import SigningKey
    from helion_runtime.entries import KernelEntry, OpEntry


@attrs.frozen
class BuiltBundle:
    """What was written: where, the id to pin, and what is inside."""

    path: Path
    id: str
    ops: tuple[OpEntry, ...]
    kernels: tuple[KernelEntry, ...]


def build_bundle(
    path: str | os.PathLike[str],
    requests: Sequence[BuildRequest],
    *,
    targets: Sequence[str],
    container: Literal["zip", "directory"] = "zip",
    tuned: str | os.PathLike[str] | TunedConfigs | None = None,
    signing_key: SigningKey | None = None,
    jobs: int | None = None,
    progress: Callable[[CompiledVariant], None] | None = None,
) -> BuiltBundle:
    """Compile ``requests`` for ``targets`` and write a bundle for :func:`helion_runtime.load`. Needs no GPU.

    Requests with the same op name become variants of one op. The same requests with the same
    versions of Helion, torch and Triton give the same bytes. A file at ``path`` is replaced in one
    step.

    Args:
        path: where to write; checked before anything is compiled.
        requests: what to build; see :class:`BuildRequest`.
        targets: architectures such as ``"sm_90"`` or ``"gfx942"``, for requests that name none.
        container: one uncompressed zip file, or a directory.
        tuned: tuned configs, for kernels and requests that have none: a lock file, or records of searches (a cache
            directory, or one of its files). :class:`LockedConfigs` or :class:`RecordedConfigs` where those of several
            GPUs are there. Targets that nothing in it was tuned for get the default.
        signing_key: a key that signs the bundle; it takes ``helion-compiler[signing]``.
        jobs: processes that compile side by side, by default one per core; 1 compiles in this one.
        progress: told of each variant as it is finished.

    Raises:
        helion.exc.HelionError: a kernel cannot be traced or compiled for its arguments, config and target.
        helion_runtime.errors.BundleError: the bundle cannot be written there.
    """
    destination = Path(path)
    if not requests:
        raise BundleRequestError(problem="no kernel is named", remedy="give at least one request")
    _check_writable(destination, container)
    compiled = compile_variants(
        requests, targets, tuned=_tuned(tuned), jobs=jobs, progress=progress
    )
    content = assemble(compiled)
    used = dict.fromkeys(item.target for item in compiled)
    identity = write_bundle(
        destination,
        content.ops,
        content.kernels,
        content.blobs,
        content.sources,
        built_with=built_with(used),
        requires=requirements(used),
        tested_on=sorted({item.chosen.device for item in compiled if item.chosen.device}),
        container=container,
        signing_key=signing_key,
    )
    return BuiltBundle(destination, identity, content.ops, content.kernels)


def _tuned(given: str | os.PathLike[str] | TunedConfigs | None) -> TunedConfigs | None:
    """Where tuned configs are looked for, if they are: records are told from lock files by their names."""
    if given is None or isinstance(given, TunedConfigs):
        return given
    path = Path(given).expanduser()
    return RecordedConfigs(path) if is_records(path) else LockedConfigs(path)


def _check_writable(destination: Path, container: str) -> None:
    """Fail now where writing would fail in the end."""
    if destination.is_dir():
        raise BundleExistsError(
            f"{destination} is a directory, which cannot be replaced in one step; remove it or choose another path"
        )
    if container == "directory" and destination.exists():
        raise BundleExistsError(f"{destination} is a file, expected a path for a new directory")
    try:
        with tempfile.NamedTemporaryFile(dir=destination.parent, prefix=f".{destination.name}."):
            pass
    except OSError as error:
        raise BundleWriteError(
            f"cannot write a bundle to {destination}: {error.strerror or error}; choose another place"
        ) from error
