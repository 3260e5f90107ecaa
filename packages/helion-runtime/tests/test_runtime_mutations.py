"""Damaged and hostile bundles: every one is refused with a bundle error, or provably changes nothing."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import torch

from helion_runtime.bundle import Bundle
from helion_runtime.bundle.format import canonical_json, digest
from helion_runtime.bundle.reading import VerifiedContent, read_verified
from helion_runtime.errors import (
    BundleError,
    DigestError,
    DuplicateNameError,
    FormatVersionError,
    RuntimeBundleError,
    SchemaError,
)
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def refused_or_harmless(path: Path, original: VerifiedContent) -> bool:
    """Whether the bundle was refused; if not, it must be the original in every respect."""
    try:
        found = read_verified(path)
    except BundleError as error:
        message = str(error)
    else:
        message = ""
    if message:
        assert str(path) in message
        return True
    assert (found.id, found.manifest, found.files) == (
        original.id,
        original.manifest,
        original.files,
    )
    return False


def test_flipped_bytes_and_truncations_of_the_zip_file(
    frozen_path: Path, frozen: VerifiedContent, tmp_path: Path
) -> None:
    raw = frozen_path.read_bytes()
    path = tmp_path / "b.helion"
    draw = random.Random(2)
    refused = 0
    for _ in range(500):
        damaged = bytearray(raw)
        if draw.random() < 0.25:
            del damaged[draw.randrange(len(raw)) :]
        else:
            damaged[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        refused += refused_or_harmless(path, frozen)
    assert refused > 450  # what is left are dates and attributes that nothing reads


def test_flipped_bytes_and_truncations_of_a_directory(
    frozen_path: Path, frozen: VerifiedContent, tmp_path: Path
) -> None:
    with zipfile.ZipFile(frozen_path) as archive:
        archive.extractall(tmp_path)
    draw = random.Random(3)
    for place in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        raw = place.read_bytes()
        for _ in range(60):
            damaged = bytearray(raw)
            if draw.random() < 0.25:
                del damaged[draw.randrange(len(raw)) :]
            else:
                damaged[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
            place.write_bytes(damaged)
            with pytest.raises(BundleError):
                read_verified(tmp_path)
        place.write_bytes(raw)
    assert read_verified(tmp_path).id == frozen.id


def write_manifest(folder: Path, raw: bytes) -> None:
    """A manifest with the digest that belongs to it, as an attacker would write it."""
    (folder / "manifest.json").write_bytes(raw)
    (folder / "manifest.sha256").write_text(digest(raw) + "\n")


@pytest.fixture(params=["format_1_0.helion", "format_1_1.helion", "format_1_2.helion"])
def unpacked(frozen_path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    with zipfile.ZipFile(frozen_path.with_name(request.param)) as archive:
        archive.extractall(tmp_path)
    return tmp_path


HOSTILE_VALUES: list[Any] = [
    None,
    True,
    -1,
    2**200,
    10**1000,
    1.5,
    "",
    "../../etc/passwd",
    "\u0000",
    "x" * 70_000,
    [],
    [[]],
    {},
    {"float": "inf"},
    {"is": "pointer"},
    ["import", "os"],
    ["mul", "a", 2**40],
    ["pow", 2, 200],
    2**62,
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value in a JSON document."""
    yield path
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in children:
        yield from places(child, (*path, key))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    result = copy.deepcopy(document)
    target = result
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return result


def test_hostile_values_everywhere_in_the_manifest(unpacked: Path) -> None:
    document = json.loads((unpacked / "manifest.json").read_bytes())
    draw = random.Random(4)
    paths = [path for path in places(document) if path]
    accepted = refused = 0
    for path in draw.sample(paths, min(len(paths), 120)):
        for value in draw.sample(HOSTILE_VALUES, 3):
            changed = replaced(document, path, value)
            if changed == document:
                continue
            try:
                raw = canonical_json(changed)
            except ValueError:  # Python itself does not write an integer of that length
                raw = b'{"format_version":' + b"9" * 5000 + b"}"
            write_manifest(unpacked, raw)
            try:
                call_everything(read_verified(unpacked))
                accepted += 1
            except BundleError:
                refused += 1
    assert refused > 250
    assert accepted < refused / 5


def call_everything(content: VerifiedContent) -> None:
    """What passed every check must at worst be refused when called, by an error of ours or of torch's allocator."""
    driver = RecordingDriver(content.manifest.kernels)
    for op in Bundle(content, driver).ops.values():
        with contextlib.suppress(RuntimeBundleError, RuntimeError):
            op(torch.zeros(4, 4), torch.zeros(4, 4), 1.0)


def test_missing_unknown_and_repeated_keys(unpacked: Path) -> None:
    raw = (unpacked / "manifest.json").read_bytes()
    document = json.loads(raw)
    for path in list(places(document)):
        target = document
        for key in path:
            target = target[key]
        if not isinstance(target, dict) or not target or path[:1] == ("built_with",):
            continue
        for key in target:
            less = copy.deepcopy(document)
            inner = less
            for step in path:
                inner = inner[step]
            del inner[key]
            write_manifest(unpacked, canonical_json(less))
            with pytest.raises(BundleError, match=r"missing key|format_version|with a key 'is'"):
                read_verified(unpacked)
        more = replaced(document, (*path, "extra"), 1)
        write_manifest(unpacked, canonical_json(more))
        with pytest.raises(SchemaError, match="unknown key"):
            read_verified(unpacked)
    write_manifest(unpacked, raw.replace(b'"name":', b'"name":"x","name":', 1))
    with pytest.raises(DuplicateNameError, match="one key twice"):
        read_verified(unpacked)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 200 + b"]" * 200, "expected an object"),
        (b'"text"', "expected an object"),
        (b'{"format_version": NaN}', "NaN is not JSON"),
        (b'{"format_version": [1, 1e999]}', "1e999 is beyond every float"),
        (b'{"format_version":' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"format_version": "1.0"}', "expected \\[major, minor\\]"),
        (b"\xff\xfe", "not valid JSON"),
        (b"{}", "format_version"),
    ],
)
def test_manifests_that_are_none(unpacked: Path, raw: bytes, message: str) -> None:
    write_manifest(unpacked, raw)
    with pytest.raises(BundleError, match=message):
        read_verified(unpacked)


@pytest.mark.parametrize("version", [[0, 9], [2, 0], [1, 3], [1, -1], [True, 0], [1], 1])
def test_other_format_versions_are_refused(unpacked: Path, version: object) -> None:
    document = json.loads((unpacked / "manifest.json").read_bytes())
    write_manifest(unpacked, canonical_json({**document, "format_version": version}))
    with pytest.raises(FormatVersionError):
        read_verified(unpacked)


def test_a_manifest_that_is_not_canonical_is_refused(unpacked: Path) -> None:
    raw = (unpacked / "manifest.json").read_bytes()
    write_manifest(unpacked, raw.replace(b",", b", ", 1))
    with pytest.raises(SchemaError, match="not in the canonical form"):
        read_verified(unpacked)


def test_a_manifest_without_its_digest_is_refused(unpacked: Path) -> None:
    raw = (unpacked / "manifest.json").read_bytes()
    (unpacked / "manifest.json").write_bytes(raw.replace(b"256", b"512"))
    with pytest.raises(DigestError, match=r"manifest\.json is damaged or altered"):
        read_verified(unpacked)


def test_records_that_lead_elsewhere_are_refused(unpacked: Path) -> None:
    document = json.loads((unpacked / "manifest.json").read_bytes())
    secret = unpacked.parent / "secret"
    secret.write_text("secret")
    for name in ("../secret", str(secret), "blobs/../../secret", "manifest.json"):
        record = {"name": name, "size": 6, "sha256": digest(b"secret")}
        changed = {**document, "files": [*document["files"], record]}
        write_manifest(unpacked, canonical_json(changed))
        with pytest.raises(SchemaError, match="no kernel refers to"):
            read_verified(unpacked)
