"""Signing a bundle: its id is signed, and the signature put beside its manifest. The id stays what it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from helion_runtime.bundle.containers import open_container
from helion_runtime.bundle.format import MANIFEST, MANIFEST_DIGEST, SIGNATURES
from helion_runtime.bundle.reading import verify
from helion_runtime.bundle.signatures import (
    Signature,
    signatures_from_file,
    signatures_to_file,
    signed_message,
)
from helion_runtime.bundle.storing import store_file, store_zip
from helion_runtime.bundle.trust import check_signatures
from helion_runtime.record import Record

if TYPE_CHECKING:
    import os

    from helion_runtime.ed25519 import SigningKey


class Signed(Record):
    """A bundle's id, and all signatures that it has now."""

    id: str
    signatures: tuple[Signature, ...]


def sign_bundle(path: str | os.PathLike[str], key: SigningKey, pin: str | None = None) -> Signed:
    """Sign the bundle at ``path``, a directory or a zip file, once all of it is verified.

    ``pin`` is the id the bundle must have. Signatures by other keys are kept, and must match; one by ``key`` is
    replaced, by the same bytes. A zip file is replaced in one step, of a directory ``manifest.ed25519``.
    Raises a :class:`BundleError`.
    """
    place = Path(path)
    container = open_container(place)
    content = verify(place, container, pin)
    check_signatures(place, content.id, content.signatures)
    raw = signatures_to_file((*content.signatures, make_signature(content.id, key)))
    if place.is_dir():
        store_file(place / SIGNATURES, raw)
    else:
        head = {name: container.read(name) for name in (MANIFEST, MANIFEST_DIGEST)}
        store_zip(place, {**head, SIGNATURES: raw, **dict(sorted(content.files.items()))})
    return Signed(content.id, signatures_from_file(raw, str(place)))


def make_signature(identity: str, key: SigningKey) -> Signature:
    """The signature of a bundle's id."""
    return Signature(key.public_key, key.sign(signed_message(identity)))
