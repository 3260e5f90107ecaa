"""Putting a bundle in its place: no half-written one is ever seen there, and the same content gives the same bytes."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from helion_runtime.errors import BundleExistsError, BundleWriteError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can hold
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


def store_zip(destination: Path, content: Mapping[str, bytes]) -> None:
    """Files by name as one zip file, which replaces a file that is there."""
    import zipfile

    if destination.is_dir():
        raise BundleExistsError(
            f"{destination} is a directory, which cannot be replaced in one step; remove it or choose another path"
        )
    with (
        _beside(destination) as partial,
        zipfile.ZipFile(partial, "x", compression=zipfile.ZIP_STORED) as archive,
    ):
        for name, data in content.items():
            member = zipfile.ZipInfo(name, _TIMESTAMP)
            member.external_attr = _REGULAR_FILE
            member.create_system = _UNIX
            archive.writestr(member, data)


def store_directory(destination: Path, content: Mapping[str, bytes]) -> None:
    """Files by name as a new directory."""
    if destination.exists():
        kind = "directory" if destination.is_dir() else "file"
        raise BundleExistsError(f"{destination} is a {kind}, expected a path for a new directory")
    with _beside(destination) as partial:
        partial.mkdir()
        for name, data in content.items():
            place = partial / name
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(data)


def store_file(destination: Path, content: bytes) -> None:
    """One file, which replaces one that is there."""
    with _beside(destination) as partial:
        partial.write_bytes(content)


@contextmanager
def _beside(destination: Path) -> Iterator[Path]:
    """A path to write to, which is moved to ``destination`` once all of it is on disk, or removed."""
    partial = destination.with_name(f".{destination.name}.{secrets.token_hex(8)}.partial")
    try:
        yield partial
        for place in (partial, *partial.rglob("*")):
            _flush(place)
        os.replace(partial, destination)
    except OSError as error:
        raise BundleWriteError(
            f"cannot write a bundle to {destination}: {error.strerror or error}; choose another place"
        ) from error
    finally:
        _remove(partial)


def _flush(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _remove(path: Path) -> None:
    """Remove what a failed write left; after a successful one there is nothing."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
