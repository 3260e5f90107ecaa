"""Keys that sign bundles: ed25519 (RFC 8032), in PEM files (RFC 8410), by the library ``cryptography``.

The one module that knows this library. It comes with the extra ``helion-runtime[signing]`` and is imported when a key
is first used, so that serving without signatures needs torch alone. Public keys are 32 bytes, signatures 64.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from helion_runtime.errors import KeyFileError, SigningUnavailableError

if TYPE_CHECKING:
    import os
    from types import ModuleType

    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_PRIVATE = b"PRIVATE KEY-----"


class SigningKey:
    """A private key. Make one with :meth:`generate`, or read one with :meth:`read`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key. Raises :class:`SigningUnavailableError`."""
        return cls(_ed25519().Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: str | os.PathLike[str], passphrase: bytes | None = None) -> SigningKey:
        """The key of a PEM file (PKCS #8), which ``passphrase`` opens if it is encrypted.

        Raises:
            KeyFileError: there is no such key in the file, or not for this passphrase.
            SigningUnavailableError: the library is not installed.
        """
        content = read_key_file(path)
        library = _ed25519()
        if _PRIVATE not in content:
            raise KeyFileError(
                f"{path}: expected a private key in PEM, found none; sign with the file that "
                "'python -m helion_runtime keygen' wrote beside the public key"
            )
        try:
            key = _serialization().load_pem_private_key(content, passphrase)
        except TypeError as error:
            remedy = "give its passphrase" if passphrase is None else "leave the passphrase out"
            state = "is encrypted" if passphrase is None else "is not encrypted"
            raise KeyFileError(f"{path}: the private key {state}; {remedy}") from error
        except (ValueError, _unsupported()) as error:
            doubt = "" if passphrase is None else ", or the passphrase is another one"
            raise KeyFileError(f"{path}: not a sound private key in PEM{doubt}: {error}") from error
        if not isinstance(key, library.Ed25519PrivateKey):
            raise _wrong_kind(path, key)
        return cls(key)

    @property
    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The signature of ``message``, 64 bytes; always the same."""
        return self._key.sign(message)

    def to_pem(self, passphrase: bytes | None = None) -> bytes:
        """The private key in PEM (PKCS #8), encrypted if there is a passphrase."""
        library = _serialization()
        encryption = (
            library.NoEncryption()
            if passphrase is None
            else library.BestAvailableEncryption(passphrase)
        )
        return self._key.private_bytes(
            library.Encoding.PEM, library.PrivateFormat.PKCS8, encryption
        )

    def to_public_pem(self) -> bytes:
        """The public key in PEM (SubjectPublicKeyInfo)."""
        library = _serialization()
        return self._key.public_key().public_bytes(
            library.Encoding.PEM, library.PublicFormat.SubjectPublicKeyInfo
        )


def read_public_key(content: bytes, where: str) -> bytes:
    """The 32 bytes of a public key from PEM (SubjectPublicKeyInfo).

    Raises:
        KeyFileError: it is none; a private key is refused, since it does not belong where bundles are loaded.
        SigningUnavailableError: the library is not installed.
    """
    library = _ed25519()
    if _PRIVATE in content:
        raise KeyFileError(
            f"{where}: expected a public key, found a private one; name the public key, and keep the private "
            "one where bundles are signed"
        )
    try:
        key = _serialization().load_pem_public_key(content)
    except (ValueError, _unsupported()) as error:
        raise KeyFileError(f"{where}: not a sound public key in PEM: {error}") from error
    if not isinstance(key, library.Ed25519PublicKey):
        raise _wrong_kind(where, key)
    raw: bytes = key.public_bytes_raw()
    return raw


def matches(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is that of ``message`` by the private key that belongs to ``public_key``."""
    from cryptography.exceptions import InvalidSignature

    key: Ed25519PublicKey = _ed25519().Ed25519PublicKey.from_public_bytes(public_key)
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def is_available() -> bool:
    """Whether the library is installed."""
    try:
        _ed25519()
    except SigningUnavailableError:
        return False
    return True


def read_key_file(path: str | os.PathLike[str]) -> bytes:
    """The content of a file; raises :class:`KeyFileError`."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_passphrase(path: str | os.PathLike[str] | None) -> bytes | None:
    """The first line of a file, if one is named. Raises :class:`KeyFileError`."""
    if path is None:
        return None
    first, *_ = read_key_file(path).splitlines() or [b""]
    if not first:
        raise KeyFileError(f"{path}: expected a passphrase on its first line, found none")
    return first


def _ed25519() -> ModuleType:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise SigningUnavailableError(
            "signatures take the library 'cryptography', which cannot be imported here "
            f"({error}); install it with: pip install 'helion-runtime[signing]'"
        ) from error
    return ed25519


def _serialization() -> ModuleType:
    from cryptography.hazmat.primitives import serialization

    return serialization


def _unsupported() -> type[Exception]:
    from cryptography.exceptions import UnsupportedAlgorithm

    return UnsupportedAlgorithm


def _wrong_kind(where: str | os.PathLike[str], key: object) -> KeyFileError:
    found = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey").strip("_")
    return KeyFileError(
        f"{where}: expected an ed25519 key, found one of the kind {found}; make one with "
        "'python -m helion_runtime keygen'"
    )
