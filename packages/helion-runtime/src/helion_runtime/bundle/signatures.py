"""The signatures of a bundle as data: the file that holds them, and what it is that they sign.

In: bytes of ``manifest.ed25519``. Out: signatures whose form is right; whether they match is for
:mod:`helion_runtime.bundle.trust` to say. Nothing here takes a library.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from helion_runtime.errors import SchemaError
from helion_runtime.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE = re.compile(rb"([0-9a-f]{64}) ([0-9a-f]{128})\n")
_MAX_SIGNATURES = 16
MAX_SIGNATURES_FILE = _MAX_SIGNATURES * (64 + 1 + 128 + 1)
"""Bytes."""

_ED25519_KEY_INFO = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of a public key in DER (SubjectPublicKeyInfo, RFC 8410)."""


class Signature(Record):
    """``signature`` (64 bytes) of a bundle's id, and the public key (32 bytes) that it is to be checked with."""

    public_key: bytes
    signature: bytes


def signed_message(identity: str) -> bytes:
    """What is signed: the bundle's id, behind words that keep it apart from whatever else a key may sign."""
    return f"helion bundle {identity}\n".encode()


def fingerprint(public_key: bytes) -> str:
    """A public key for people: the sha256 of its DER, as ``openssl pkey -pubin -outform DER | sha256sum`` has it."""
    return f"sha256:{hashlib.sha256(_ED25519_KEY_INFO + public_key).hexdigest()}"


def signatures_to_file(signatures: Iterable[Signature]) -> bytes:
    """The bytes of the file: a line for each key, in the order of keys. One signature a key, the last one given."""
    by_key = {item.public_key: item.signature for item in signatures}
    if len(by_key) > _MAX_SIGNATURES:
        raise SchemaError(f"{len(by_key)} keys are to sign; a bundle has at most {_MAX_SIGNATURES}")
    return "".join(f"{key.hex()} {by_key[key].hex()}\n" for key in sorted(by_key)).encode()


def signatures_from_file(content: bytes, where: str) -> tuple[Signature, ...]:
    """Read the file. Raises a :class:`SchemaError` for anything but what :func:`signatures_to_file` writes."""
    found = tuple(
        Signature(bytes.fromhex(match[1].decode()), bytes.fromhex(match[2].decode()))
        for match in _LINE.finditer(content)
    )
    if not 1 <= len(found) <= _MAX_SIGNATURES or signatures_to_file(found) != content:
        raise SchemaError(
            f"{where}: expected lines of a public key and a signature in lower-case hex, 1 to {_MAX_SIGNATURES}, in "
            f"the order of keys; found {content[:80]!r}. It is damaged or was edited; sign the bundle again"
        )
    return found
