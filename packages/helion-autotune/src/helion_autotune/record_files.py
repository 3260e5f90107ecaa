"""Which files of records are meant by paths: files by themselves, directories by all the records in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from helion_autotune.records import RecordsError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

PATTERNS = ("*.jsonl", "*.jsonl.gz")


def record_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The files, in order; those of a directory by name.

    Raises RecordsError where there is no such file, or a directory has no records.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        inside = files_inside(path) if path.is_dir() else [path]
        if not inside:
            raise RecordsError(
                f"there are no records in {path}: no file is named {' or '.join(PATTERNS)}"
            )
        if not inside[0].exists():
            raise RecordsError(f"there is no file {path}")
        found += inside
    return found


def files_inside(folder: Path) -> list[Path]:
    """The files of records in a directory, by name."""
    return sorted(path for pattern in PATTERNS for path in folder.glob(pattern))
