"""Writing a bundle: from ops, kernels and binaries to a file. The same content gives the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from helion_runtime.bundle.format import (
    MANIFEST,
    MANIFEST_DIGEST,
    SIGNATURES,
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
from helion_runtime.bundle.sign import make_signature
from helion_runtime.bundle.signatures import signatures_to_file
from helion_runtime.bundle.storing import store_directory, store_zip
from helion_runtime.errors import SchemaError
from helion_runtime.record import replace

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from helion_runtime.ed25519 import SigningKey
    from helion_runtime.entries import KernelEntry, OpEntry


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
    signing_key: SigningKey | None = None,
) -> str:
    """Write a bundle and return its id, the sha256 of its manifest.

    ``blobs`` holds the binaries by sha256, ``sources`` Triton source by kernel name; ``signing_key`` signs the
    bundle. Everything is checked as :func:`load` would check it, before anything is written. A zip file at
    ``path`` is replaced in one step; a directory is never replaced. Raises a :class:`BundleError`.
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
    content = {MANIFEST: raw, MANIFEST_DIGEST: identity.encode() + b"\n"}
    if signing_key is not None:
        content[SIGNATURES] = signatures_to_file((make_signature(identity, signing_key),))
    content |= files
    (store_zip if container == "zip" else store_directory)(destination, content)
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
