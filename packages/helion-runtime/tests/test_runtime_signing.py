"""Signed bundles: what is signed, whom a load trusts, and that nothing of a signed bundle can be changed."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cryptography", reason="needs the extra helion-runtime[signing]")

from helion_runtime import SigningKey, load, sign_bundle, write_bundle
from helion_runtime.backend import BundleBackend
from helion_runtime.bundle.format import canonical_json, digest
from helion_runtime.bundle.reading import VerifiedContent, read_verified
from helion_runtime.bundle.signatures import (
    Signature,
    fingerprint,
    signatures_from_file,
    signatures_to_file,
    signed_message,
)
from helion_runtime.bundle.trust import TRUSTED_KEYS
from helion_runtime.cli import main
from helion_runtime.ed25519 import read_public_key
from helion_runtime.errors import (
    BundleError,
    KeyFileError,
    PinMismatchError,
    SchemaError,
    SignatureMismatchError,
    UnsignedBundleError,
    UntrustedSignerError,
)
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture(params=["zip", "directory"])
def unsigned(frozen_path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A bundle of either kind that may be written to."""
    path = tmp_path / "b.helion"
    if request.param == "zip":
        shutil.copy(frozen_path, path)
    else:
        unpack(frozen_path, path)
    return path


def unpack(bundle: Path, folder: Path) -> Path:
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    return folder


def read_signatures(path: Path) -> bytes:
    if path.is_dir():
        return (path / "manifest.ed25519").read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read("manifest.ed25519")


def test_a_signed_bundle_is_the_same_bundle(
    unsigned: Path, key: SigningKey, frozen: VerifiedContent
) -> None:
    signed = sign_bundle(unsigned, key)
    assert signed.id == frozen.id
    public = key.to_public_pem()
    bundle = load(unsigned, pin=frozen.id, trusted_keys=[public])
    assert bundle.id == frozen.id
    assert bundle.signed_by == (fingerprint(key.public_key),)
    found = read_verified(unsigned)
    assert (found.manifest, found.files) == (frozen.manifest, frozen.files)
    assert load(unsigned).signed_by == ()  # nobody asked
    raw = read_signatures(unsigned)
    signature = key.sign(f"helion bundle {frozen.id}\n".encode())
    assert raw == f"{key.public_key.hex()} {signature.hex()}\n".encode()
    assert not list(unsigned.parent.glob(".*"))
    driver = RecordingDriver(bundle.manifest.kernels)
    load(unsigned, trusted_keys=[public], driver=driver).scaled_add(
        torch.zeros(4, 4), torch.zeros(4, 4), 1.0
    )
    assert len(driver.launches) == 1


def test_signing_is_reproducible(
    frozen_path: Path, frozen: VerifiedContent, key: SigningKey, tmp_path: Path
) -> None:
    """A bundle that is signed when it is written and one that is signed later have the same bytes, as does one that
    is signed again."""
    written, later = tmp_path / "written.helion", tmp_path / "later.helion"
    manifest = frozen.manifest
    blobs = {kernel.blob: frozen.files[manifest.blob_name(kernel)] for kernel in manifest.kernels}
    sources = {"add_sm90a": frozen.files["source/add_sm90a.py"].decode()}
    parts = (manifest.ops, manifest.kernels, blobs, sources)
    write_bundle(written, *parts, built_with=manifest.built_with, signing_key=key)
    shutil.copy(frozen_path, later)
    for _ in range(2):
        sign_bundle(later, key)
        assert written.read_bytes() == later.read_bytes()
    write_bundle(tmp_path / "d", *parts, signing_key=key, container="directory")
    assert load(tmp_path / "d", trusted_keys=[key.to_public_pem()]).signed_by


def test_the_frozen_signature_goes_on_matching(frozen_path: Path) -> None:
    signed, public = frozen_path.with_name("signed.helion"), frozen_path.with_name("signed.pub.pem")
    (signer,) = load(signed, trusted_keys=[public]).signed_by
    assert signer == fingerprint(read_public_key(public.read_bytes(), "key"))


def test_whom_a_load_trusts(unsigned: Path, key: SigningKey, tmp_path: Path) -> None:
    other = SigningKey.generate()
    ours, theirs = fingerprint(key.public_key), fingerprint(other.public_key)
    with pytest.raises(UnsignedBundleError, match=rf"{unsigned}: not signed: .* by {ours}\. Use"):
        load(unsigned, trusted_keys=[key.to_public_pem()])
    sign_bundle(unsigned, other)
    with pytest.raises(
        UntrustedSignerError, match=rf"{unsigned}: signed by {theirs}; .* by {ours}\. Use a bundle"
    ):
        load(unsigned, trusted_keys=[key.to_public_pem()])
    with pytest.raises(UntrustedSignerError, match="trusted_keys is empty"):
        load(unsigned, trusted_keys=[])
    file = tmp_path / "key.pub.pem"
    file.write_bytes(key.to_public_pem())
    trusted = [str(file), file, other.to_public_pem()]
    assert load(unsigned, trusted_keys=trusted).signed_by == (theirs,)
    sign_bundle(unsigned, key)  # a second signature: while keys change, for two parties
    assert load(unsigned, trusted_keys=trusted).signed_by == tuple(sorted((ours, theirs)))
    assert load(unsigned, trusted_keys=[file]).signed_by == (ours,)
    with pytest.raises(PinMismatchError):
        load(unsigned, "0" * 64, trusted_keys=[file])


def test_keys_that_cannot_be_trusted(unsigned: Path, key: SigningKey, tmp_path: Path) -> None:
    with pytest.raises(
        KeyFileError, match=r"expected a list of keys, found one; write \['x.pem'\]"
    ):
        load(unsigned, trusted_keys="x.pem")
    with pytest.raises(KeyFileError, match=r"missing.pem: cannot be read: No such file"):
        load(unsigned, trusted_keys=[tmp_path / "missing.pem"])
    with pytest.raises(KeyFileError, match="expected a public key, found a private one"):
        load(unsigned, trusted_keys=[key.to_pem()])


def test_the_environment_names_keys(
    unsigned: Path, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SigningKey.generate()
    paths = [tmp_path / "ours.pem", tmp_path / "theirs.pem"]
    for path, each in zip(paths, (key, other), strict=True):
        path.write_bytes(each.to_public_pem())
    monkeypatch.setenv(TRUSTED_KEYS, os.pathsep.join(map(str, paths)))
    with pytest.raises(UnsignedBundleError):
        load(unsigned)
    sign_bundle(unsigned, other)
    assert load(unsigned).signed_by == (fingerprint(other.public_key),)
    with pytest.raises(UntrustedSignerError):  # what a program asks for counts
        load(unsigned, trusted_keys=paths[:1])
    monkeypatch.setenv(TRUSTED_KEYS, str(paths[0]))
    with pytest.raises(UntrustedSignerError):
        load(unsigned)
    assert main(["verify", str(unsigned)]) == 1
    opened = BundleBackend()  # decorated kernels open their bundle in the same way
    with pytest.raises(UntrustedSignerError):
        opened._bundle(str(unsigned))
    for nothing in ("", os.pathsep):
        monkeypatch.setenv(TRUSTED_KEYS, nothing)
        with pytest.raises(KeyFileError, match=f"{TRUSTED_KEYS} is set and names no key"):
            load(unsigned)


def with_signatures(folder: Path, raw: bytes) -> Path:
    (folder / "manifest.ed25519").write_bytes(raw)
    return folder


def test_signatures_that_are_not_of_this_bundle(
    frozen_path: Path, key: SigningKey, tmp_path: Path
) -> None:
    public = key.to_public_pem()
    folder = unpack(frozen_path, tmp_path / "old")
    sign_bundle(folder, key)
    newer = unpack(frozen_path.with_name("format_1_2.helion"), tmp_path / "new")
    with_signatures(newer, (folder / "manifest.ed25519").read_bytes())
    with pytest.raises(
        SignatureMismatchError, match=f"{newer}: manifest.ed25519: the signature by"
    ):
        load(newer, trusted_keys=[public])
    with pytest.raises(SignatureMismatchError):
        sign_bundle(newer, key)  # nothing is put beside what is wrong
    with pytest.raises(SignatureMismatchError):
        sign_bundle(newer, SigningKey.generate())
    assert main(["verify", str(newer)]) == 1
    bare = Signature(key.public_key, key.sign(read_verified(newer).id.encode()))
    with_signatures(newer, signatures_to_file([bare]))
    with pytest.raises(
        SignatureMismatchError
    ):  # a key that signs other texts, too, signs no bundle
        load(newer, trusted_keys=[public])
    stranger = SigningKey.generate()
    sound = Signature(key.public_key, key.sign(signed_message(read_verified(newer).id)))
    with_signatures(newer, signatures_to_file([sound]))
    assert load(newer, trusted_keys=[public]).signed_by
    wrong = Signature(stranger.public_key, bytes(64))
    with_signatures(newer, signatures_to_file([sound, wrong]))
    with pytest.raises(SignatureMismatchError, match=fingerprint(stranger.public_key)):
        load(newer, trusted_keys=[public])


def test_a_manifest_that_is_altered_with_its_digest(
    frozen_path: Path, key: SigningKey, tmp_path: Path
) -> None:
    """The attack that digests do not notice."""
    folder = unpack(frozen_path, tmp_path / "d")
    sign_bundle(folder, key)
    document = json.loads((folder / "manifest.json").read_bytes())
    document["tested_on"] = ["everything"]
    raw = canonical_json(document)
    (folder / "manifest.json").write_bytes(raw)
    (folder / "manifest.sha256").write_text(digest(raw) + "\n")
    assert load(folder).manifest.tested_on == ("everything",)
    with pytest.raises(SignatureMismatchError):
        load(folder, trusted_keys=[key.to_public_pem()])


def test_a_manifest_is_not_read_before_its_signature(
    frozen_path: Path, key: SigningKey, tmp_path: Path
) -> None:
    """What a stranger wrote reaches as little code as can be."""
    folder = unpack(frozen_path, tmp_path / "d")
    raw = b"[" * 100_000
    (folder / "manifest.json").write_bytes(raw)
    (folder / "manifest.sha256").write_text(digest(raw) + "\n")
    with pytest.raises(SchemaError, match="nested too deeply"):
        load(folder)
    with pytest.raises(UnsignedBundleError):
        load(folder, trusted_keys=[key.to_public_pem()])


LINE = "a" * 64 + " " + "b" * 128 + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        LINE.rstrip("\n"),
        LINE.upper(),
        LINE.replace("\n", "\r\n"),
        LINE.replace(" ", "  "),
        " " + LINE,
        LINE + LINE,
        LINE + "\n",
        LINE.replace("a", "c") + LINE,
        LINE + "signed by me\n",
        LINE[1:],
        LINE.replace("b", "g", 1),
        "".join(f"{number:064x} {'b' * 128}\n" for number in range(17)),
        "\u0661" * 64 + " " + "b" * 128 + "\n",
    ],
)
def test_files_of_signatures_have_one_form(
    text: str, frozen_path: Path, key: SigningKey, tmp_path: Path
) -> None:
    folder = with_signatures(unpack(frozen_path, tmp_path / "d"), text.encode())
    for trusted in (None, [key.to_public_pem()]):  # damage is refused whoever asks
        with pytest.raises(BundleError, match=r"manifest\.ed25519: (expected lines of|\d+ bytes)"):
            load(folder, trusted_keys=trusted)


def test_what_is_written_is_read(key: SigningKey) -> None:
    signatures = [Signature(bytes([number]) * 32, bytes([number]) * 64) for number in (3, 1, 2)]
    raw = signatures_to_file(signatures)
    assert signatures_from_file(raw, "here") == tuple(
        sorted(signatures, key=lambda item: item.public_key)
    )
    newer = Signature(signatures[0].public_key, bytes(64))
    assert newer in signatures_from_file(signatures_to_file([*signatures, newer]), "here")
    with pytest.raises(SchemaError, match="17 keys are to sign; a bundle has at most 16"):
        signatures_to_file([Signature(bytes([n]) * 32, bytes(64)) for n in range(17)])


@pytest.fixture(scope="module")
def signed_folder(
    frozen_path: Path, key: SigningKey, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = unpack(frozen_path, tmp_path_factory.mktemp("signed") / "d")
    sign_bundle(folder, key)
    return folder


@pytest.fixture(scope="module")
def refuses(signed_folder: Path, key: SigningKey) -> Callable[[str, bytes], None]:
    """Asks that the bundle is refused while one of its files holds something else."""

    def ask(name: str, changed: bytes) -> None:
        place = signed_folder / name
        kept = place.read_bytes()
        assert changed != kept
        place.write_bytes(changed)
        try:
            with pytest.raises(BundleError, match=str(signed_folder)):
                load(signed_folder, trusted_keys=[key.to_public_pem()])
        finally:
            place.write_bytes(kept)
        assert load(signed_folder, trusted_keys=[key.to_public_pem()])

    return ask


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_no_byte_of_a_signed_bundle_can_be_changed(
    data: st.DataObject, signed_folder: Path, refuses: Callable[[str, bytes], None]
) -> None:
    files = sorted(
        str(path.relative_to(signed_folder)) for path in signed_folder.rglob("*") if path.is_file()
    )
    name = data.draw(st.sampled_from(files))
    content = (signed_folder / name).read_bytes()
    position = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "insert", "swap"]))
    match kind:
        case "flip":
            flipped = content[position] ^ data.draw(st.integers(1, 255))
            changed = content[:position] + bytes([flipped]) + content[position + 1 :]
        case "cut":
            changed = content[:position]
        case "insert":
            inserted = data.draw(st.binary(min_size=1, max_size=8))
            changed = content[:position] + inserted + content[position:]
        case _:
            changed = content[position:] + content[:position]
    if changed != content:
        refuses(name, changed)


@settings(deadline=None, max_examples=200)
@given(seed=st.binary(min_size=32, max_size=32), signature=st.binary(min_size=64, max_size=64))
def test_no_signature_can_be_made_up(
    seed: bytes,
    signature: bytes,
    signed_folder: Path,
    refuses: Callable[[str, bytes], None],
    key: SigningKey,
) -> None:
    for public_key in (key.public_key, seed):  # in the name of a trusted key, or of any other
        forged = Signature(public_key, signature)
        refuses("manifest.ed25519", signatures_to_file([forged]))


def test_the_commands(
    unsigned: Path,
    frozen: VerifiedContent,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*arguments: object) -> dict[str, object]:
        status = main([*map(str, arguments), "--json"])
        return {"status": status, **json.loads(capsys.readouterr().out)}

    made = run("keygen", tmp_path / "release")
    private, public, name = made["private"], made["public"], made["key"]
    assert run("verify", unsigned)["signatures"] == []
    assert run("verify", unsigned, "--trusted-key", public)["error"] == "UnsignedBundleError"
    refused = run("sign", unsigned, "--key", private, "--pin", "0" * 64)
    assert (refused["status"], refused["error"]) == (1, "PinMismatchError")
    signed = run("sign", unsigned, "--key", private, "--pin", frozen.id)
    assert signed == {"status": 0, "id": frozen.id, "key": name, "signatures": [name]}
    assert run("verify", unsigned)["signatures"] == [{"key": name, "state": "matches"}]
    trusted = [{"key": name, "state": "trusted"}]
    assert run("verify", unsigned, "--trusted-key", public)["signatures"] == trusted
    assert run("inspect", unsigned, "--trusted-key", public)["signatures"] == trusted
    run("keygen", tmp_path / "other")
    run("sign", unsigned, "--key", tmp_path / "other.pem")
    refused = run("verify", unsigned, "--trusted-key", private)
    assert (refused["sound"], refused["error"]) == (False, "KeyFileError")
    for command in ("inspect", "verify"):
        assert main([command, str(unsigned), "--trusted-key", str(public)]) == 0
        text = capsys.readouterr().out
        assert f"signed   {name}, a trusted key" in text
        assert text.count("signed   sha256:") == 2


def test_a_place_that_cannot_be_written_to(frozen_path: Path, key: SigningKey) -> None:
    if os.access("/proc/version", os.R_OK):
        with pytest.raises(BundleError, match="neither a directory nor a sound zip file"):
            sign_bundle("/proc/version", key)
    with pytest.raises(BundleError, match="no bundle can be read"):
        sign_bundle(frozen_path.with_name("missing.helion"), key)
