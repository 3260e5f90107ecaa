"""Opens what is damaged or hostile, and says what should not have come of it."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from helion_runtime.bundle.bundle import Bundle
from helion_runtime.bundle.format import MANIFEST, MANIFEST_DIGEST, SIGNATURES, digest
from helion_runtime.bundle.reading import read_verified
from helion_runtime.bundle.sign import make_signature, sign_bundle
from helion_runtime.ed25519 import SigningKey
from helion_runtime.entries import TensorSignature
from helion_runtime.errors import BundleError, RuntimeBundleError
from helion_runtime.plan import torch_dtype
from helion_runtime.record import replace
from helion_runtime.recording_driver import RecordingDriver

from .damage import damage_everything, open_damaged
from .hostile_manifests import refused, refused_or_called
from .hostile_signatures import hostile_signatures
from .hostile_zips import hostile_zips

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helion_runtime.bundle.reading import VerifiedContent
    from helion_runtime.entries import OpEntry

    from .damage import Report

_SAMPLES = {"int": 1, "float": 1.0, "bool": True, "str": "text", "none": None}
_EXTENT = 4


def damaged(bundle: Path, folder: Path, count: int, seed: int) -> Iterator[Report]:
    """What ``count`` mutations each of the zip file and of the same bundle as a directory came to.

    Both are signed, and opened by somebody who trusts the key.
    """
    key = SigningKey.generate()
    trusted = frozenset((key.public_key,))
    copied = folder / "copy.helion"
    shutil.copy(bundle, copied)
    sign_bundle(copied, key)
    yield damage_everything(copied, count, seed, trusted)
    yield damage_everything(unpack(copied, folder / "directory"), count, seed + 1, trusted)


def hostile(bundle: Path, folder: Path, every: int = 1) -> tuple[Counter[str], list[str]]:
    """How often what came of the hostile manifests, zip files and signatures of a bundle, and which were not refused.

    Only one of ``every`` so many manifests is opened.
    """
    outcomes, failures = _hostile_manifests(bundle, folder, every)
    sound = replace(read_verified(bundle), signatures=())
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != SIGNATURES}
    path = folder / "hostile.helion"
    for name, raw in hostile_zips(files):
        path.write_bytes(raw)
        outcome, problem = open_damaged(path, sound)
        outcomes[outcome] += 1
        if problem:
            failures.append(f"{name}: {problem}")
    key = SigningKey.generate()
    signature, elsewhere = make_signature(sound.id, key), make_signature(digest(b""), key)
    place = unpack(bundle, folder / "signed")
    for name, raw in hostile_signatures(sound.id, signature, elsewhere):
        (place / SIGNATURES).write_bytes(raw)
        outcome, _ = open_damaged(place, sound, frozenset((key.public_key,)))
        outcomes[outcome] += 1
        if outcome not in REFUSALS:
            failures.append(f"signatures, {name}: {outcome}")
    return outcomes, failures


def _hostile_manifests(bundle: Path, folder: Path, every: int) -> tuple[Counter[str], list[str]]:
    outcomes: Counter[str] = Counter()
    failures = []
    place = unpack(bundle, folder / "hostile")
    document = json.loads((place / MANIFEST).read_bytes())
    for name, write in islice(refused(document), 0, None, every):
        outcome = open_manifest(place, write())
        outcomes[outcome] += 1
        if outcome not in REFUSALS:
            failures.append(f"{name}: {outcome}")
    for name, write in islice(refused_or_called(document), 0, None, every):
        outcome = open_manifest(place, write())
        outcomes[outcome] += 1
        if outcome not in REFUSALS and outcome != "called":
            failures.append(f"{name}: {outcome}")
    return outcomes, failures


def unpack(bundle: Path, folder: Path) -> Path:
    """The bundle as a directory."""
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    return folder


def open_manifest(folder: Path, raw: bytes) -> str:
    """What a directory with this manifest, and the digest that belongs to it, comes to."""
    (folder / MANIFEST).write_bytes(raw)
    (folder / MANIFEST_DIGEST).write_text(digest(raw) + "\n")
    return _open(folder)


def _names(kind: type[BaseException]) -> frozenset[str]:
    return frozenset((kind.__name__,)).union(*map(_names, kind.__subclasses__()))


REFUSALS = _names(BundleError)
"""The names of errors that say what is wrong with a bundle."""


def _open(path: Path) -> str:
    """The name of the error, or ``called`` where a bundle was opened and all its ops could be called."""
    try:
        content = read_verified(path)
    except Exception as error:  # noqa: BLE001  # what it is is what is asked
        return type(error).__name__
    return _call_everything(content)


def _call_everything(content: VerifiedContent) -> str:
    """What passed every check must at worst be refused when called, by an error of ours or of torch's."""
    driver: Any = RecordingDriver(content.manifest.kernels)
    ops = Bundle(content, driver).ops
    for entry in content.manifest.ops:
        try:
            ops[entry.name](*_arguments(entry))
        except (RuntimeBundleError, RuntimeError, IndexError):
            continue
        except Exception as error:  # noqa: BLE001  # as above
            return f"{type(error).__name__} when called: {error}"
    return "called"


def _arguments(op: OpEntry) -> list[Any]:
    """Arguments of the kinds that the first variant takes."""
    return [
        torch.zeros([_EXTENT] * min(item.ndim, 4), dtype=torch_dtype(item.dtype))
        if isinstance(item, TensorSignature)
        else _SAMPLES[item.kind]
        for item in op.variants[0].signature
    ]
