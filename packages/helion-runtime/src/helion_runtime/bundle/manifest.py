"""The manifest: everything a bundle says of itself, as data; to and from canonical JSON.

In: bytes of ``manifest.json``. Out: a :class:`Manifest` whose every part is checked for itself and
against the others, but not yet against the binaries.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from helion_runtime.architecture import parse_architecture
from helion_runtime.bundle.format import (
    DIGEST,
    FORMAT_VERSION,
    SOURCE_NAME,
    canonical_json,
    parse_json,
)
from helion_runtime.bundle.needed_version import needed_version
from helion_runtime.entry_check import check_kernel, check_op
from helion_runtime.entry_json import kernel_to_json, op_to_json, read_kernel, read_op
from helion_runtime.errors import DuplicateNameError, FormatVersionError, SchemaError
from helion_runtime.json_reading import (
    read,
    read_integer,
    read_list,
    read_map,
    read_record,
    read_string,
    unlike,
)
from helion_runtime.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion_runtime.entries import KernelEntry, OpEntry


_MAX_DRIVER = 10**6  # CUDA 1000.0


class FileRecord(Record):
    """What a manifest says of a file: its name inside the bundle, its length in bytes, its sha256."""

    name: str
    size: int
    sha256: str


class Requirements(Record):
    """What a machine must have. ``cuda_driver`` as cuDriverGetVersion gives it (12080 for 12.8), 0
    for any."""

    cuda_driver: int = 0


class Manifest(Record):
    """A bundle's content. ``built_with`` and ``tested_on`` are for people."""

    ops: tuple[OpEntry, ...]
    kernels: tuple[KernelEntry, ...]
    files: tuple[FileRecord, ...]
    requires: Requirements
    built_with: dict[str, str]
    tested_on: tuple[str, ...]
    format_version: tuple[int, int] = FORMAT_VERSION

    def to_json(self) -> bytes:
        """The bytes of ``manifest.json``."""
        return canonical_json(
            {
                "format_version": list(self.format_version),
                "built_with": self.built_with,
                "requires": {"cuda_driver": self.requires.cuda_driver},
                "tested_on": list(self.tested_on),
                "files": [
                    {"name": item.name, "size": item.size, "sha256": item.sha256}
                    for item in self.files
                ],
                "kernels": [kernel_to_json(item) for item in self.kernels],
                "ops": [op_to_json(item) for item in self.ops],
            }
        )

    def blob_name(self, kernel: KernelEntry) -> str:
        """The name of the file that holds a kernel's binary."""
        return f"blobs/{kernel.blob}.{parse_architecture(kernel.arch).blob_format}"


def manifest_from_json(content: bytes, where: str) -> Manifest:
    """Read and check a manifest. Raises a :class:`SchemaError` or :class:`FormatVersionError`."""
    value = parse_json(content, where)
    if isinstance(value, dict):
        _check_version(value.get("format_version"), where)
    manifest = read(_read_manifest, value, where)
    if canonical_json(value) != content:  # readers keep every part of a value as it is
        raise SchemaError(
            f"{where}: not in the canonical form; it was edited or written by another tool"
        )
    check_manifest(manifest, where)
    if manifest.format_version >= (1, 2):
        _check_mutates(manifest, where)
    return manifest


def check_manifest(manifest: Manifest, where: str) -> None:
    """Check ops against kernels, kernels against files, and all names for being unique."""
    _check_unique((item.name for item in manifest.ops), f"{where}: ops")
    _check_unique((item.name for item in manifest.kernels), f"{where}: kernels")
    _check_unique((item.name for item in manifest.files), f"{where}: files")
    if not manifest.ops:
        raise SchemaError(f"{where}: expected at least one op, found none")
    if not 0 <= manifest.requires.cuda_driver < _MAX_DRIVER:
        raise SchemaError(
            f"{where}: requires.cuda_driver: expected a version such as 12080, found {manifest.requires.cuda_driver}"
        )
    kernels = {item.name: item for item in manifest.kernels}
    for kernel in manifest.kernels:
        check_kernel(kernel)
    for op in manifest.ops:
        check_op(op, kernels)
    needed = needed_version(manifest.ops)
    if needed >= (1, 2):
        _check_mutates(manifest, where)
    if needed > manifest.format_version:
        raise FormatVersionError(
            f"{where}: format_version: expected at least {needed[0]}.{needed[1]} for what the bundle "
            f"says, found {manifest.format_version[0]}.{manifest.format_version[1]}"
        )
    _check_references(manifest, where)


def _check_mutates(manifest: Manifest, where: str) -> None:
    """Since format 1.2, every variant says what it writes."""
    for op in manifest.ops:
        for number, variant in enumerate(op.variants):
            if variant.mutates is None:
                raise SchemaError(
                    f"{where}: op {op.name!r}, variant {number}: missing key(s): mutates"
                )


def _check_references(manifest: Manifest, where: str) -> None:
    """Every kernel is launched by an op and has its file; every file is a kernel's or a source."""
    launched = {
        launch.kernel
        for op in manifest.ops
        for variant in op.variants
        for launch in variant.launches
    }
    for kernel in manifest.kernels:
        if kernel.name not in launched:
            raise SchemaError(f"{where}: kernel {kernel.name!r} is launched by no op")
    blobs = {manifest.blob_name(kernel): kernel.blob for kernel in manifest.kernels}
    files = {item.name: item for item in manifest.files}
    for name, blob in blobs.items():
        if name not in files or files[name].sha256 != blob:
            raise SchemaError(f"{where}: files: there is no record of {name} with its sha256")
    for name in files:
        if name not in blobs and SOURCE_NAME.fullmatch(name) is None:
            raise SchemaError(f"{where}: files: no kernel refers to {name!r:.100}")


def _check_version(value: object, where: str) -> None:
    major, minor = FORMAT_VERSION
    well_formed = isinstance(value, list) and [type(item) for item in value] == [int, int]
    if not well_formed or not isinstance(value, list):
        raise FormatVersionError(
            f"{where}: format_version: expected [major, minor], found {value!r:.80}"
        )
    if value[0] != major or not 0 <= value[1] <= minor:
        raise FormatVersionError(
            f"{where}: this runtime reads format {major}.0 to {major}.{minor}, the bundle is of format "
            f"{value[0]}.{value[1]}; use the helion-runtime it was built for, or build it again"
        )


def _check_unique(names: Iterable[str], where: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DuplicateNameError(
            f"{where}: used more than once: {', '.join(map(repr, repeated[:8]))}"
        )


def _read_digest(value: object) -> str:
    text = read_string(value)
    if DIGEST.fullmatch(text) is None:
        raise unlike("a sha256 in lower-case hex", value)
    return text


_read_manifest = read_record(
    Manifest,
    {
        "format_version": read_list(read_integer),
        "built_with": read_map(read_string),
        "requires": read_record(Requirements, {"cuda_driver": read_integer}),
        "tested_on": read_list(read_string),
        "files": read_list(
            read_record(
                FileRecord, {"name": read_string, "size": read_integer, "sha256": _read_digest}
            )
        ),
        "kernels": read_list(read_kernel),
        "ops": read_list(read_op),
    },
)
