"""``keygen`` and ``sign``: make a pair of keys, and sign a bundle with the private one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helion_runtime.bundle.sign import sign_bundle
from helion_runtime.bundle.signatures import fingerprint
from helion_runtime.ed25519 import SigningKey, read_passphrase
from helion_runtime.errors import KeyFileError

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare the commands."""
    keygen: argparse.ArgumentParser = commands.add_parser(
        "keygen",
        help="make a key that signs bundles",
        description="Make an ed25519 key: NAME.pem, which signs and stays secret, and NAME.pub.pem, which those who "
        "load bundles trust.",
    )
    keygen.add_argument("name", metavar="NAME", help="where to write the two files, without .pem")
    keygen.set_defaults(run=_keygen)
    sign: argparse.ArgumentParser = commands.add_parser(
        "sign",
        help="sign a bundle",
        description="Verify a bundle, and put a signature into it. Its id stays the same.",
    )
    sign.add_argument("path", help="a bundle: a directory or a zip file")
    sign.add_argument("--key", required=True, metavar="FILE", help="a private key in PEM")
    sign.add_argument("--pin", help="the id the bundle must have")
    sign.set_defaults(run=_sign)
    for command in (keygen, sign):
        command.add_argument(
            "--passphrase-file", metavar="FILE", help="what the private key is encrypted with"
        )
        command.add_argument("--json", action="store_true", help="print JSON")
        command.set_defaults(indent=None, verdict={})


def _keygen(options: Any) -> tuple[dict[str, Any], str]:
    passphrase = read_passphrase(options.passphrase_file)
    key = SigningKey.generate()
    private, public = Path(f"{options.name}.pem"), Path(f"{options.name}.pub.pem")
    _write_new(private, key.to_pem(passphrase), 0o600)
    try:
        _write_new(public, key.to_public_pem(), 0o644)
    except KeyFileError:
        private.unlink()
        raise
    name = fingerprint(key.public_key)
    report = {"key": name, "private": str(private), "public": str(public)}
    return report, f"{private}: signs, keep it secret\n{public}: to trust\nkey {name}"


def _sign(options: Any) -> tuple[dict[str, Any], str]:
    key = SigningKey.read(options.key, read_passphrase(options.passphrase_file))
    signed = sign_bundle(options.path, key, options.pin)
    name = fingerprint(key.public_key)
    keys = [fingerprint(item.public_key) for item in signed.signatures]
    report = {"id": signed.id, "key": name, "signatures": keys}
    return report, f"signed: id {signed.id}\nby {name}"


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that nobody but those of ``mode`` could ever read, and never over another."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise KeyFileError(
            f"{path} exists; a key is never overwritten, choose another name"
        ) from error
    except OSError as error:
        raise KeyFileError(
            f"cannot write a key to {path}: {error.strerror or error}; choose another place"
        ) from error
