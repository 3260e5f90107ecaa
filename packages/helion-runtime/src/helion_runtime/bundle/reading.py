"""Opening a bundle: from a path to verified content. Nothing of a bundle is used before all of it
has passed.

The order: container, the manifest's own digest, the pin, the signatures, the manifest's content, every file's
length and sha256, every binary against its entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_runtime.binary_check import check_binary
from helion_runtime.bundle.containers import open_container
from helion_runtime.bundle.format import (
    DIGEST,
    MANIFEST,
    MANIFEST_DIGEST,
    MAX_MANIFEST,
    SIGNATURES,
    digest,
)
from helion_runtime.bundle.manifest import Manifest, manifest_from_json
from helion_runtime.bundle.signatures import MAX_SIGNATURES_FILE, Signature, signatures_from_file
from helion_runtime.bundle.trust import check_trust
from helion_runtime.errors import BinaryError, ContainerError, DigestError, PinMismatchError
from helion_runtime.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from helion_runtime.bundle.containers import Container


class VerifiedContent(Record):
    """A bundle's manifest, its id, its files' content by name, and its signatures.

    The signatures were checked if ``trusted`` is not None: it holds those of their keys that were trusted.
    """

    path: Path
    id: str
    manifest: Manifest
    files: Mapping[str, bytes]
    signatures: tuple[Signature, ...] = ()
    trusted: frozenset[bytes] | None = None


def read_verified(
    path: Path, pin: str | None = None, trusted: frozenset[bytes] | None = None
) -> VerifiedContent:
    """Open and verify the bundle at ``path``; ``pin`` is the id it must have, ``trusted`` are the public keys of
    which one must have signed it.

    Raises a :class:`BundleError` subclass that says what, where, what was expected and what was
    found.
    """
    return verify(path, open_container(path), pin, trusted)


def verify(
    path: Path, container: Container, pin: str | None, trusted: frozenset[bytes] | None = None
) -> VerifiedContent:
    """:func:`read_verified` of a container that is open."""
    raw = container.read(MANIFEST, MAX_MANIFEST)
    identity = digest(raw)
    _check_identity(path, container.read(MANIFEST_DIGEST, 1024), identity)
    _check_pin(path, identity, pin)
    signatures = _read_signatures(path, container)
    if trusted is not None:
        check_trust(path, identity, signatures, trusted)
        trusted &= {item.public_key for item in signatures}
    manifest = manifest_from_json(raw, f"{path}: {MANIFEST}")
    names = {item.name for item in manifest.files} | {MANIFEST, MANIFEST_DIGEST, SIGNATURES}
    surplus = container.surplus(names)
    if surplus:
        raise ContainerError(f"{path}: holds what its manifest does not list: {sorted(surplus)[0]}")
    files = _read_files(path, container, manifest)
    check_binaries(path, manifest, files)
    return VerifiedContent(path, identity, manifest, files, signatures, trusted)


def check_binaries(path: Path, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Every kernel entry against its binary."""
    for kernel in manifest.kernels:
        try:
            check_binary(kernel, files[manifest.blob_name(kernel)])
        except BinaryError as error:
            raise BinaryError(f"{path}: {error}; build the bundle again") from error


def _read_signatures(path: Path, container: Container) -> tuple[Signature, ...]:
    if not container.holds(SIGNATURES):
        return ()
    return signatures_from_file(
        container.read(SIGNATURES, MAX_SIGNATURES_FILE), f"{path}: {SIGNATURES}"
    )


def _check_identity(path: Path, recorded: bytes, identity: str) -> None:
    if recorded != identity.encode() + b"\n":
        raise DigestError(
            f"{path}: {MANIFEST} is damaged or altered: {MANIFEST_DIGEST} says {recorded[:64]!r}, its sha256 is "
            f"{identity}; fetch or build the bundle again"
        )


def _check_pin(path: Path, identity: str, pin: str | None) -> None:
    if pin is None:
        return
    wanted = pin.removeprefix("sha256:").lower()
    if DIGEST.fullmatch(wanted) is None:
        raise PinMismatchError(
            f"{path}: a pin is the 64 hex digits of a bundle's id, found {pin!r:.100}"
        )
    if wanted != identity:  # neither is a secret
        raise PinMismatchError(
            f"{path}: pinned to {wanted}, the bundle is {identity}; use the pinned bundle, or pin this one "
            "after checking where it comes from"
        )


def _read_files(path: Path, container: Container, manifest: Manifest) -> dict[str, bytes]:
    files = {}
    for record in manifest.files:
        content = container.read(record.name)
        if len(content) != record.size:
            raise DigestError(
                f"{path}: {record.name}: expected {record.size} bytes, found {len(content)}; fetch or build "
                "the bundle again"
            )
        found = digest(content)
        if found != record.sha256:
            raise DigestError(
                f"{path}: {record.name} is damaged or altered: expected sha256 {record.sha256}, found {found}; "
                "fetch or build the bundle again"
            )
        files[record.name] = content
    return files
