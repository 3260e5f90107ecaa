"""Writing a bundle: the same content gives the same bytes, and no half-written bundle is ever seen
at its path."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from helion_runtime.bundle.format import (
    MANIFEST,
    MANIFEST_DIGEST,
    SOURCE_NAME,
    digest,
)
from helion_runtime.bundle.manifest import (
    FileRecord,
    Manifest,
    Requirements,
    check_manifest,
)
from helion_runtime.bundle.needed_version import needed_version
from helion_runtime.bundle.reading import check_binaries
from helion_runtime.errors import BundleExistsError, BundleWriteError, SchemaError
from helion_runtime.record import replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_runtime.entries import KernelEntry, OpEntry

_TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can hold
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


def write_bundle(  # noqa: PLR0913  # each is one part of the file; most have defaults
    path: str | os.PathLike[str],
    ops: Sequence[OpEntry],
    kernels: Sequence[KernelEntry],
    blobs: Mapping[str, bytes],
    sources: Mapping[str, str] | None = None,
    *,
    built_with: Mapping[str, str] | None = None,
    requires: Requirements | None = None,
    tested_on: Sequence[str] = (),
    container: Literal["zip", "directory"] = "zip",
) -> str:
    """Write a bundle and return its id, the sha256 of its manifest.

    ``blobs`` holds the binaries by sha256, ``sources`` Triton source by kernel name. Everything is
    checked as :func:`load` would check it, before anything is written. A zip file at ``path`` is
    replaced in one step; a directory is never replaced. Raises a :class:`BundleError`.
    """
    destination = Path(path)
    manifest, files = _assemble(
        ops, kernels, blobs, sources or {}, built_with or {}, requires, tested_on
    )
    check_manifest(manifest, str(destination))
    manifest = replace(manifest, format_version=needed_version(manifest.ops))
    check_binaries(destination, manifest, files)
    raw = manifest.to_json()
    identity = digest(raw)
    content = {MANIFEST: raw, MANIFEST_DIGEST: identity.encode() + b"\n", **files}
    _check_destination(destination, container)
    beside = destination.with_name(f".{destination.name}.{secrets.token_hex(8)}.partial")
    try:
        if container == "zip":
            _write_zip(beside, content)
        else:
            _write_directory(beside, content)
        os.replace(beside, destination)
    except OSError as error:
        raise BundleWriteError(
            f"cannot write a bundle to {destination}: {error.strerror or error}; choose another place"
        ) from error
    finally:
        _remove(beside)
    return identity


def _assemble(
    ops: Sequence[OpEntry],
    kernels: Sequence[KernelEntry],
    blobs: Mapping[str, bytes],
    sources: Mapping[str, str],
    built_with: Mapping[str, str],
    requires: Requirements | None,
    tested_on: Sequence[str],
) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest and the files it lists, in the order of their names."""
    names = {kernel.name for kernel in kernels}
    for name in sources:
        if name not in names:
            raise SchemaError(f"sources: there is no kernel {name!r}")
    bare = Manifest(
        tuple(ops),
        tuple(kernels),
        (),
        requires or Requirements(),
        dict(built_with),
        tuple(tested_on),
    )
    files: dict[str, bytes] = {}
    for kernel in kernels:
        if kernel.blob not in blobs or digest(blobs[kernel.blob]) != kernel.blob:
            raise SchemaError(
                f"kernel {kernel.name!r}: blobs holds no binary with sha256 {kernel.blob}"
            )
        files[bare.blob_name(kernel)] = blobs[kernel.blob]
    for name, text in sources.items():
        if SOURCE_NAME.fullmatch(f"source/{name}.py") is None:
            raise SchemaError(f"sources: {name!r} cannot be a file's name")
        files[f"source/{name}.py"] = text.encode()
    ordered = dict(sorted(files.items()))
    records = tuple(FileRecord(name, len(data), digest(data)) for name, data in ordered.items())
    manifest = Manifest(
        bare.ops,
        bare.kernels,
        records,
        bare.requires,
        bare.built_with,
        bare.tested_on,
    )
    return manifest, ordered


def _check_destination(destination: Path, container: str) -> None:
    if destination.is_dir():
        raise BundleExistsError(
            f"{destination} is a directory, which cannot be replaced in one step; remove it or choose another path"
        )
    if container == "directory" and destination.exists():
        raise BundleExistsError(f"{destination} is a file, expected a path for a new directory")


def _write_zip(path: Path, content: Mapping[str, bytes]) -> None:
    import zipfile

    with zipfile.ZipFile(path, "x", compression=zipfile.ZIP_STORED) as archive:
        for name, data in content.items():
            member = zipfile.ZipInfo(name, _TIMESTAMP)
            member.external_attr = _REGULAR_FILE
            member.create_system = _UNIX
            archive.writestr(member, data)
    _flush(path)


def _write_directory(path: Path, content: Mapping[str, bytes]) -> None:
    path.mkdir()
    for name, data in content.items():
        place = path / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
        _flush(place)


def _flush(path: Path) -> None:
    """Put the content on disk before the rename makes it visible."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    """Remove what a failed write left; after a successful one there is nothing."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
