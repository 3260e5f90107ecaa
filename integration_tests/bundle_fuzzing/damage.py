"""Damage: one byte of a file is another one, or its end is missing.

In: a sound bundle. Out: what opening each damaged copy came to. A copy may be opened only if it means what the sound
one means in every respect: nothing has read the byte that is wrong.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import attrs

from helion_runtime.bundle.reading import read_verified
from helion_runtime.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helion_runtime.bundle.reading import VerifiedContent

TRUNCATED = 0.2
"""Which share of mutations cut a file off."""
ANY_FILE = 0.25
"""Which share of mutations is of a file chosen whatever its size: signatures and digests are short."""


@attrs.frozen
class Mutation:
    """One damaged byte at ``position``, changed by ``flipped`` bits; or everything from there on is gone."""

    position: int
    flipped: int | None

    def apply(self, raw: bytes) -> bytes:
        """``raw``, damaged."""
        if self.flipped is None:
            return raw[: self.position]
        changed = bytearray(raw)
        changed[self.position] ^= self.flipped
        return bytes(changed)


def draw(source: random.Random, length: int) -> Mutation:
    """A mutation of a file of ``length`` bytes."""
    flipped = None if source.random() < TRUNCATED else source.randrange(1, 256)
    return Mutation(source.randrange(length), flipped)


@attrs.frozen
class Violation:
    """A damaged copy that was neither refused as it should be nor the same as the sound one."""

    file: str
    mutation: Mutation
    problem: str


@attrs.define
class Report:
    """``outcomes`` counts the names of errors, and ``harmless``."""

    outcomes: Counter[str] = attrs.field(factory=Counter)
    violations: list[Violation] = attrs.field(factory=list)


def damage_everything(
    scratch: Path, count: int, seed: int, trusted: frozenset[bytes] | None = None
) -> Report:
    """Open ``count`` damaged versions of the bundle ``scratch`` (a zip file or a directory), of all its files.

    It is damaged and mended in turns, and sound again at the end. ``trusted`` are the keys that it is opened with.
    """
    sound = read_verified(scratch, trusted=trusted)
    files = _files(scratch)
    originals = {path: path.read_bytes() for path in files}
    weights = [len(raw) for raw in originals.values()]
    source = random.Random(seed)
    report = Report()
    for _ in range(count):
        (path,) = source.choices(files, None if source.random() < ANY_FILE else weights)
        raw = originals[path]
        mutation = draw(source, len(raw))
        path.write_bytes(mutation.apply(raw))
        outcome, problem = open_damaged(scratch, sound, trusted)
        path.write_bytes(raw)
        report.outcomes[outcome] += 1
        if problem:
            report.violations.append(
                Violation(str(path.relative_to(scratch.parent)), mutation, problem)
            )
    return report


def _files(place: Path) -> list[Path]:
    return sorted(_walk(place)) if place.is_dir() else [place]


def _walk(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def open_damaged(
    path: Path, sound: VerifiedContent, trusted: frozenset[bytes] | None = None
) -> tuple[str, str]:
    """The name of what opening came to, and what is wrong with that."""
    try:
        found = read_verified(path, trusted=trusted)
    except BundleError as error:
        named = str(path) in str(error)
        return type(error).__name__, "" if named else f"does not say where: {error}"
    except Exception as error:  # noqa: BLE001  # what else comes out is looked for
        return type(error).__name__, f"not an error of ours: {error!r}"
    return "harmless", "" if _meaning(found) == _meaning(
        sound
    ) else "opened, and means something else"


def _meaning(content: VerifiedContent) -> tuple[object, ...]:
    return content.id, content.manifest, dict(content.files), content.signatures, content.trusted
