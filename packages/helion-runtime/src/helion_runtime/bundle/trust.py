"""Who may have signed a bundle: keys that are trusted, and signatures checked against them.

In: keys as callers or the environment name them, and the signatures of a bundle. Out: nothing where a trusted key has
signed it, else an error. Every signature of the bundle has to match, also those by keys that nobody asked for: one that
does not was damaged, or made for another bundle.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from helion_runtime.bundle.format import SIGNATURES
from helion_runtime.bundle.signatures import fingerprint, signed_message
from helion_runtime.ed25519 import matches, read_key_file, read_public_key
from helion_runtime.errors import (
    KeyFileError,
    SignatureMismatchError,
    UnsignedBundleError,
    UntrustedSignerError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helion_runtime.bundle.signatures import Signature

Key: TypeAlias = str | os.PathLike[str] | bytes
"""A public key: the path of a PEM file, or the content of one as bytes."""

TRUSTED_KEYS = "HELION_TRUSTED_KEYS"
"""The environment variable that names trusted keys where a program does not: paths, separated as those of ``PATH``."""


def trusted_public_keys(keys: Iterable[Key] | None) -> frozenset[bytes] | None:
    """The keys that may have signed a bundle, 32 bytes each; None where nobody asked for a signature.

    ``keys`` None leaves it to ``HELION_TRUSTED_KEYS``. An empty list trusts nobody.
    Raises :class:`KeyFileError` or :class:`SigningUnavailableError`.
    """
    if keys is None:
        named = os.environ.get(TRUSTED_KEYS)
        if named is None:
            return None
        keys = [path for path in named.split(os.pathsep) if path]
        if not keys:
            raise KeyFileError(
                f"{TRUSTED_KEYS} is set and names no key; name PEM files of public keys, or unset it to load "
                "bundles whoever signed them"
            )
    if isinstance(keys, (str, bytes, os.PathLike)):
        raise KeyFileError(
            f"trusted_keys: expected a list of keys, found one; write [{keys!r:.80}]"
        )
    return frozenset(map(_read, keys))


def _read(key: Key) -> bytes:
    if isinstance(key, bytes):
        return read_public_key(key, "trusted_keys")
    return read_public_key(read_key_file(key), str(Path(key)))


def check_trust(
    path: Path, identity: str, signatures: Sequence[Signature], trusted: frozenset[bytes]
) -> None:
    """Refuse a bundle that no trusted key has signed, or one of whose signatures does not match."""
    wanted = _shown(trusted) or "no key at all: trusted_keys is empty"
    if not signatures:
        raise UnsignedBundleError(
            f"{path}: not signed: there is no {SIGNATURES} in it; expected a signature by {wanted}. Use the signed "
            "bundle, or sign this one ('python -m helion_runtime sign') after checking where it comes from"
        )
    check_signatures(path, identity, signatures)
    if not any(item.public_key in trusted for item in signatures):
        found = _shown(item.public_key for item in signatures)
        raise UntrustedSignerError(
            f"{path}: signed by {found}; expected a signature by {wanted}. Use a bundle that a trusted key has "
            "signed, or trust this key after checking whose it is"
        )


def check_signatures(path: Path, identity: str, signatures: Sequence[Signature]) -> None:
    """Every signature against the key beside it. Raises :class:`SignatureMismatchError`."""
    message = signed_message(identity)
    for item in signatures:
        if not matches(item.public_key, message, item.signature):
            raise SignatureMismatchError(
                f"{path}: {SIGNATURES}: the signature by {fingerprint(item.public_key)} is not one of this bundle, "
                f"whose id is {identity}: expected a signature of it, found {item.signature.hex()[:16]}…. One of the "
                "two was altered; use the bundle as it was signed, or sign it again"
            )


def _shown(keys: Iterable[bytes]) -> str:
    return " or ".join(sorted(map(fingerprint, keys)))
