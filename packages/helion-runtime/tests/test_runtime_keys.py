"""Keys in PEM files, and ed25519 itself against the vectors of RFC 8032."""

from __future__ import annotations

import base64
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("cryptography", reason="needs the extra helion-runtime[signing]")

from helion_runtime.bundle.signatures import fingerprint, signed_message
from helion_runtime.cli import main
from helion_runtime.ed25519 import SigningKey, matches, read_public_key
from helion_runtime.errors import KeyFileError

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = (
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
)
PUBLIC = (
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
)
MESSAGES = ("", "72", "af82")
SIGNATURES = (
    """e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555f
       b8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b""",
    """92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da08
       5ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00""",
    """6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18
       ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a""",
)
"""Section 7.1, the first three."""
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the group of ed25519."""


def pem(kind: str, der: bytes) -> bytes:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN {kind}-----\n{body}-----END {kind}-----\n".encode()


def private_pem(seed: str) -> bytes:
    """As section 7 of RFC 8410 has it."""
    return pem("PRIVATE KEY", bytes.fromhex("302e020100300506032b657004220420" + seed))


def public_pem(key: str) -> bytes:
    return pem("PUBLIC KEY", bytes.fromhex("302a300506032b6570032100" + key))


@pytest.mark.parametrize(
    ("secret", "public", "text", "signature"),
    [*zip(SECRETS, PUBLIC, MESSAGES, SIGNATURES, strict=True)],
    ids=["empty", "one byte", "two bytes"],
)
def test_the_vectors_of_the_standard(
    secret: str, public: str, text: str, signature: str, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").write_bytes(private_pem(secret))
    key = SigningKey.read(tmp_path / "key.pem")
    message = bytes.fromhex(text)
    assert key.public_key.hex() == public
    assert key.sign(message) == bytes.fromhex(signature)
    assert key.to_pem() == private_pem(secret)
    assert key.to_public_pem() == public_pem(public)
    assert read_public_key(public_pem(public), "key") == key.public_key
    assert matches(key.public_key, message, bytes.fromhex(signature))
    assert not matches(key.public_key, message + b"\0", bytes.fromhex(signature))


def test_a_signature_has_one_form() -> None:
    """Adding the group's order to the scalar gives another text that some verifiers take."""
    key = SigningKey.generate()
    signature = key.sign(b"message")
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not matches(key.public_key, b"message", signature[:32] + scalar.to_bytes(32, "little"))
    assert not matches(key.public_key, b"message", bytes(64))
    assert not matches(key.public_key, b"message", signature[:-1])


def test_keygen_writes_two_files_that_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keygen", str(tmp_path / "release")]) == 0
    private, public = tmp_path / "release.pem", tmp_path / "release.pub.pem"
    key = SigningKey.read(private)
    assert public.read_bytes() == key.to_public_pem()
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert fingerprint(key.public_key) in capsys.readouterr().out
    assert key.public_key != SigningKey.generate().public_key
    kept = private.read_bytes()
    for missing in (private, public):  # neither file is written over, and no half of a pair is left
        missing.unlink()
        assert main(["keygen", str(tmp_path / "release"), "--json"]) == 1
        assert '"error": "KeyFileError"' in capsys.readouterr().out
        assert not missing.exists()
        missing.write_bytes(kept)
    assert main(["keygen", str(tmp_path / "missing" / "release")]) == 1
    assert "No such file or directory; choose another place" in capsys.readouterr().err


def test_a_passphrase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse\nsecond line\n")
    name = str(tmp_path / "release")
    assert main(["keygen", name, "--passphrase-file", str(secret)]) == 0
    private = tmp_path / "release.pem"
    assert b"ENCRYPTED" in private.read_bytes()
    opened = SigningKey.read(private, b"correct horse")
    assert (tmp_path / "release.pub.pem").read_bytes() == opened.to_public_pem()
    for passphrase, problem in (
        (None, "is encrypted; give its passphrase"),
        (b"battery staple", "or the passphrase is another one"),
    ):
        with pytest.raises(KeyFileError, match=problem):
            SigningKey.read(private, passphrase)
    private.write_bytes(opened.to_pem())
    with pytest.raises(KeyFileError, match="is not encrypted; leave the passphrase out"):
        SigningKey.read(private, b"correct horse")
    secret.write_text("\n")
    assert main(["keygen", name + "2", "--passphrase-file", str(secret)]) == 1
    assert "expected a passphrase on its first line, found none" in capsys.readouterr().err


def another_kind() -> tuple[bytes, bytes]:
    """A pair of keys of elliptic curve P-256."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


def test_files_that_hold_no_such_key(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = SigningKey.generate()
    with pytest.raises(KeyFileError, match="cannot be read: No such file or directory"):
        SigningKey.read(path)
    path.write_bytes(key.to_public_pem())
    with pytest.raises(KeyFileError, match="expected a private key in PEM, found none"):
        SigningKey.read(path)
    path.write_bytes(key.to_pem()[:-30])
    with pytest.raises(KeyFileError, match="not a sound private key"):
        SigningKey.read(path)
    with pytest.raises(KeyFileError, match="here: expected a public key, found a private one"):
        read_public_key(key.to_pem(), "here")
    for content in (b"", b"key", key.to_public_pem()[:-30], b"\xff" * 100):
        with pytest.raises(KeyFileError, match="here: not a sound public key in PEM"):
            read_public_key(content, "here")
    private, public = another_kind()
    path.write_bytes(private)
    with pytest.raises(KeyFileError, match="expected an ed25519 key, found one of the kind EC"):
        SigningKey.read(path)
    with pytest.raises(KeyFileError, match="expected an ed25519 key, found one of the kind EC"):
        read_public_key(public, "here")


def test_openssl_agrees(tmp_path: Path) -> None:
    """Whoever does not trust this package can check its signatures, and make them."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    key = SigningKey.generate()
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    (tmp_path / "key.pub.pem").write_bytes(key.to_public_pem())
    message = tmp_path / "message"
    message.write_bytes(signed_message("5" * 64))

    def run(*arguments: str) -> bytes:
        command = [openssl, *arguments]
        done = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path)
        return done.stdout

    signature = run("pkeyutl", "-sign", "-rawin", "-inkey", "key.pem", "-in", "message")
    assert signature == key.sign(message.read_bytes())
    der = run("pkey", "-pubin", "-in", "key.pub.pem", "-outform", "DER")
    (tmp_path / "der").write_bytes(der)
    digest = run("dgst", "-sha256", "-r", "der").decode().split()[0]
    assert fingerprint(key.public_key) == f"sha256:{digest}"


WITHOUT_THE_LIBRARY = """
import sys
sys.modules["cryptography"] = None
import helion_runtime
from helion_runtime.cli import main
from helion_runtime.errors import SigningUnavailableError
path, key = sys.argv[1:]
assert main(["verify", path]) == 0  # says that nobody checked the signature
assert helion_runtime.load(path).signed_by == ()
for attempt in (
    lambda: helion_runtime.load(path, trusted_keys=[key]),
    lambda: helion_runtime.SigningKey.generate(),
):
    try:
        attempt()
    except SigningUnavailableError as error:
        assert "pip install 'helion-runtime[signing]'" in str(error), error
    else:
        raise AssertionError("something else checked the signature")
assert main(["keygen", key]) == 1
"""


def test_without_the_library_what_needs_it_says_so(frozen_path: Path, tmp_path: Path) -> None:
    signed, public = frozen_path.with_name("signed.helion"), frozen_path.with_name("signed.pub.pem")
    command = [sys.executable, "-c", WITHOUT_THE_LIBRARY, str(signed), str(public)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not checked: pip install 'helion-runtime[signing]'" in done.stdout
    assert "SigningUnavailableError: signatures take the library 'cryptography'" in done.stderr
