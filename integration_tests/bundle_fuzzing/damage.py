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


def damage_everything(bundle: Path, scratch: Path, count: int, seed: int) -> Report:
    """Open ``count`` damaged copies of ``bundle`` (a zip file or a directory), each byte of all its files as likely.

    ``scratch`` is a copy that is damaged and mended in turns; it is sound again at the end.
    """
    sound = read_verified(bundle)
    files = _files(scratch)
    originals = {path: path.read_bytes() for path in files}
    weights = [len(raw) for raw in originals.values()]
    source = random.Random(seed)
    report = Report()
    for _ in range(count):
        (path,) = source.choices(files, weights)
        raw = originals[path]
        mutation = draw(source, len(raw))
        path.write_bytes(mutation.apply(raw))
        outcome, problem = open_damaged(scratch, sound)
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


def open_damaged(path: Path, sound: VerifiedContent) -> tuple[str, str]:
    """The name of what opening came to, and what is wrong with that."""
    try:
        found = read_verified(path)
    except BundleError as error:
        named = str(path) in str(error)
        return type(error).__name__, "" if named else f"does not say where: {error}"
    except Exception as error:  # noqa: BLE001  # what else comes out is looked for
        return type(error).__name__, f"not an error of ours: {error!r}"
    same = (found.id, found.manifest, dict(found.files)) == (
        sound.id,
        sound.manifest,
        dict(sound.files),
    )
    return "harmless", "" if same else "opened, and means something else"
