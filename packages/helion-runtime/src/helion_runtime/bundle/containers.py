"""The two containers a bundle may be: a directory, or one zip file without compression.

In: a path. Out: the content of the files a bundle may hold, read within limits. No name read from a
container is ever used as a path; nothing is unpacked.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Protocol

from helion_runtime.bundle.format import (
    MAX_FILE,
    MAX_FILES,
    MAX_TOTAL,
    is_allowed_name,
)
from helion_runtime.errors import BundleNotFoundError, ContainerError
from helion_runtime.record import Record

if TYPE_CHECKING:
    from pathlib import Path
    from zipfile import ZipFile, ZipInfo


class Container(Protocol):
    """Files by name."""

    def read(self, name: str, limit: int = MAX_FILE) -> bytes:
        """The content of a file of at most ``limit`` bytes; raises :class:`ContainerError`."""

    def holds(self, name: str) -> bool:
        """Whether there is a file of this name."""

    def surplus(self, expected: set[str]) -> set[str]:
        """Names of files that are there and not expected, where that means the container was
        tampered with."""


def open_container(path: Path) -> Container:
    """The container at ``path``; raises :class:`BundleNotFoundError` or :class:`ContainerError`."""
    try:
        if path.is_dir():
            return DirectoryContainer(path)
        return ZipContainer(path, _read_zip(path))
    except OSError as error:
        reason = error.strerror or str(error)
        raise BundleNotFoundError(f"no bundle can be read at {path}: {reason}") from error


class DirectoryContainer(Record):
    """A bundle as a directory. Files that the manifest does not name are never read."""

    path: Path

    def read(self, name: str, limit: int = MAX_FILE) -> bytes:
        """See :class:`Container`."""
        place = self.path / name
        try:
            status = place.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ContainerError(f"{place}: expected a regular file")
            if status.st_size > limit:
                raise ContainerError(f"{place}: {status.st_size} bytes, at most {limit} are read")
            return place.read_bytes()
        except OSError as error:
            raise ContainerError(f"{place}: cannot be read: {error.strerror or error}") from error

    def holds(self, name: str) -> bool:
        """See :class:`Container`."""
        return os.path.lexists(self.path / name)

    def surplus(self, expected: set[str]) -> set[str]:  # noqa: ARG002  # the Protocol's parameter
        """Nothing: a stray file beside the bundle's own is harmless."""
        return set()


class ZipContainer(Record):
    """A bundle as one zip file, read whole; its directory is checked before anything is taken from
    it."""

    path: Path
    files: dict[str, bytes]

    def read(self, name: str, limit: int = MAX_FILE) -> bytes:
        """See :class:`Container`."""
        if name not in self.files:
            raise ContainerError(f"{self.path}: there is no {name} in it; is it a bundle?")
        if len(self.files[name]) > limit:
            raise ContainerError(
                f"{self.path}: {name} has {len(self.files[name])} bytes, at most {limit} are read"
            )
        return self.files[name]

    def holds(self, name: str) -> bool:
        """See :class:`Container`."""
        return name in self.files

    def surplus(self, expected: set[str]) -> set[str]:
        """Whatever is in the file besides."""
        return set(self.files) - expected


def _read_zip(path: Path) -> dict[str, bytes]:
    import struct
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(path, members)
            return {member.filename: _read_member(archive, member) for member in members}
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        struct.error,
        NotImplementedError,
        EOFError,
        RuntimeError,
        ValueError,
        OverflowError,
    ) as error:
        raise ContainerError(
            f"{path}: neither a directory nor a sound zip file: {error}; it is damaged, truncated or no bundle"
        ) from error


def _check_members(path: Path, members: list[ZipInfo]) -> None:
    size = os.path.getsize(path)
    if len(members) > MAX_FILES:
        raise ContainerError(f"{path}: {len(members)} files, at most {MAX_FILES} are read")
    seen: set[str] = set()
    for member in members:
        name = member.filename
        if not is_allowed_name(name) or member.orig_filename != name:
            raise ContainerError(
                f"{path}: a bundle holds no file named {member.orig_filename!r:.120}"
            )
        if name in seen:
            raise ContainerError(f"{path}: two files are named {name}")
        seen.add(name)
        if member.compress_type or member.flag_bits & 1 or member.compress_size != member.file_size:
            raise ContainerError(
                f"{path}: {name} is compressed or encrypted; a bundle stores its files plainly"
            )
        if member.file_size > MAX_FILE:
            raise ContainerError(
                f"{path}: {name}: {member.file_size} bytes, at most {MAX_FILE} are read"
            )
    total = sum(member.file_size for member in members)
    if total > min(size, MAX_TOTAL):
        raise ContainerError(f"{path}: its files have {total} bytes, the zip file itself {size}")


def _read_member(archive: ZipFile, member: ZipInfo) -> bytes:
    return archive.read(member)
